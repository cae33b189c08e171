//! The program, called as a person calls it: on files, and on real processes.

mod checking;
mod program;
mod running;
