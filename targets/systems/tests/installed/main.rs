//! Clients against the real servers, where these are installed. What is not passes, and says so.

#[cfg(test)]
mod caller;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod etcd;
#[cfg(test)]
mod nats;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod zookeeper;
