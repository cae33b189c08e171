//! Drawings as inline SVG: colours come from the page's style sheet, so that one drawing serves
//! light and dark. A drawing only repeats what the page also says in words or in a table.

pub(crate) mod axis;
pub(crate) mod elastic;
pub(crate) mod faults;
pub(crate) mod frame;
pub(crate) mod label;
pub(crate) mod lanes;
pub(crate) mod latency;
pub(crate) mod roles;
pub(crate) mod samples;
pub(crate) mod space_time;
pub(crate) mod staleness;
pub(crate) mod throughput;
pub(crate) mod timeline;
