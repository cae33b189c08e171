//! Which system calls the kernel stops, set up by a process that is about to become a node.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use libc::sock_filter;
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::stdio::dup2_stdin;

use crate::kernel;

/// The calls that make what was written last: those by which programs save. What is written with
/// `O_DSYNC`, or through a ring of requests, is not among them.
const SAVING: [libc::c_long; 5] = [
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    libc::SYS_msync,
    libc::SYS_sync_file_range,
];

/// What the kernel calls the machine that the numbers of the calls are for; from `linux/audit.h`.
#[cfg(target_arch = "x86_64")]
const MACHINE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const MACHINE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const MACHINE: Option<u32> = None;

/// Where the number of the call and the machine stand in what the filter is shown.
const NUMBER_AT: u32 = 0;
const MACHINE_AT: u32 = 4;
/// Instructions of the filter: load a word, compare and jump, return.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Has the kernel stop the saves of this process and of what it becomes, and sends whoever is at
/// the other end of standard input what is needed to decide on them. Standard input is empty
/// afterwards. The process can gain no privileges from now on, by `sudo` for example.
///
/// # Errors
/// If the kernel has no such thing, or standard input is no Unix socket.
pub fn announce_saves() -> io::Result<()> {
    let machine = MACHINE.ok_or_else(|| {
        io::Error::other("which calls save is known for x86-64 and 64-bit ARM only")
    })?;
    rustix::thread::set_no_new_privs(true)?;
    let listener = kernel::listen_to_calls(&program(machine)?)?;
    let stdin = rustix::stdio::stdin();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let listeners = [listener.as_fd()];
    rights.push(SendAncillaryMessage::ScmRights(&listeners));
    sendmsg(
        stdin,
        &[IoSlice::new(b"!")],
        &mut rights,
        SendFlags::empty(),
    )?;
    let nothing = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(dup2_stdin(nothing)?)
}

fn program(machine: u32) -> io::Result<Vec<sock_filter>> {
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let calls = SAVING
        .into_iter()
        .map(u32::try_from)
        .collect::<Result<Vec<_>, _>>();
    let calls = calls.map_err(io::Error::other)?;
    let count = u8::try_from(calls.len()).map_err(io::Error::other)?;
    let mut program = vec![
        instruction(LOAD, 0, 0, MACHINE_AT),
        // Calls of another machine have other numbers: they pass.
        instruction(JUMP_IF_EQUAL, 0, count + 1, machine),
        instruction(LOAD, 0, 0, NUMBER_AT),
    ];
    for (call, left) in calls.into_iter().zip((1..=count).rev()) {
        program.push(instruction(JUMP_IF_EQUAL, left, 0, call));
    }
    program.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    program.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter says of a call, by the rules of the machine that it is written for.
    fn verdict(program: &[sock_filter], machine: u32, number: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match code {
                LOAD => loaded = if k == NUMBER_AT { number } else { machine },
                JUMP_IF_EQUAL => at += usize::from(if loaded == k { jt } else { jf }),
                _ => return k,
            }
        }
    }

    #[test]
    fn exactly_the_saves_of_this_machine_are_stopped() {
        let program = program(7).unwrap();
        for number in 0..500 {
            let saves = SAVING.contains(&number.into());
            let stops = verdict(&program, 7, number) == libc::SECCOMP_RET_USER_NOTIF;
            assert_eq!(stops, saves, "{number}");
            assert_eq!(verdict(&program, 8, number), libc::SECCOMP_RET_ALLOW);
        }
    }
}
