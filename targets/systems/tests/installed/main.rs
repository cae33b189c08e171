//! Clients against the real servers, where these are installed. What is not passes, and says so.

mod caller;
mod cluster;
mod etcd;
mod nats;
mod postgres;
mod redis;
mod zookeeper;
