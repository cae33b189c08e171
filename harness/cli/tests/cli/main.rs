//! The program, called as a person calls it: on files, and on real processes.

mod checking;
mod example;
mod external;
mod following;
mod harness;
mod maelstrom;
mod namespaces;
mod own;
mod program;
mod running;
mod shrinking;
mod simulating;
mod systems;
