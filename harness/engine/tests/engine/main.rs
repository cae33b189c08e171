//! Runs of the whole engine in a lab of a page: virtual time, one store, faults that can fail.

#[cfg(test)]
mod conductor;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod script;
#[cfg(test)]
mod summary;
#[cfg(test)]
mod teeth;
#[cfg(test)]
mod workload;
