//! Calls to the kernel that no crate wraps safely: the only unsafe code of the lab.
//!
//! Every function hands the kernel pointers to values of its own stack frame, of exactly the size
//! that it names, and looks at the result. No pointer outlives its call.

#![expect(
    unsafe_code,
    reason = "packet sockets, interface features and seccomp listeners have no safe wrapper"
)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_void, sock_filter, socklen_t};

/// The family of addresses of interfaces; from `linux/socket.h`.
const AF_PACKET: libc::sa_family_t = 17;
/// Frames of every protocol; from `linux/if_ether.h`.
const ETH_P_ALL: u16 = 3;
/// Never to hear what is sent through the same interface; from `linux/if_packet.h`.
const PACKET_IGNORE_OUTGOING: c_int = 23;
/// Changes a feature of an interface; from `linux/sockios.h`.
const SIOCETHTOOL: libc::Ioctl = 0x8946;
/// Waits for a system call that was stopped; from `linux/seccomp.h`.
const NOTIFICATION_RECEIVE: libc::Ioctl = 0xc050_2100;
/// Says what becomes of it.
const NOTIFICATION_SEND: libc::Ioctl = 0xc018_2101;

/// That a call which somebody has heard of is only interrupted by what kills; from Linux 5.19 on.
const WAIT_KILLABLE: libc::c_ulong = 1 << 5;
/// The answer that a stopped call is to be carried out; from `linux/seccomp.h`.
const GO_ON: u32 = 1;

/// Something that an interface does for the protocols above it; from `linux/ethtool.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offload {
    /// It computes the checksums of what it sends.
    Checksums = 0x17,
    /// It cuts large TCP segments into frames.
    TcpSegmentation = 0x1f,
    /// It takes large packets of any protocol, to be cut up at the last moment.
    Segmentation = 0x24,
}

/// A system call that the kernel has stopped until somebody says what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoppedCall {
    /// The kernel's name for it.
    pub(crate) id: u64,
    /// The thread that made it.
    pub(crate) thread: u32,
    /// Its number.
    pub(crate) number: i32,
}

/// Lets a packet socket hear every frame that comes in through an interface, from now on.
pub(crate) fn hear_interface(socket: impl AsFd, interface: u32) -> io::Result<()> {
    let socket = socket.as_fd().as_raw_fd();
    let yes: c_int = 1;
    // SAFETY: the pointer is to an int, and its size is given.
    let set = unsafe {
        let value = (&raw const yes).cast::<c_void>();
        let size = bytes::<c_int>();
        libc::setsockopt(
            socket,
            libc::SOL_PACKET,
            PACKET_IGNORE_OUTGOING,
            value,
            size,
        )
    };
    done(set)?;
    let address = libc::sockaddr_ll {
        sll_family: AF_PACKET,
        sll_protocol: ETH_P_ALL.to_be(),
        sll_ifindex: c_int::try_from(interface).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer is to an address of this family, and its size is given.
    let bound = unsafe {
        let size = bytes::<libc::sockaddr_ll>();
        libc::bind(socket, (&raw const address).cast(), size)
    };
    done(bound)
}

/// Switches off what an interface does for the protocols above it. `socket` is any socket of the
/// network namespace that the interface is in.
pub(crate) fn switch_off(socket: impl AsFd, interface: &str, offload: Offload) -> io::Result<()> {
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    #[repr(C)]
    struct Request {
        interface: [u8; libc::IFNAMSIZ],
        value: *mut Value,
        rest: [u8; 16],
    }
    const { assert!(size_of::<Request>() == size_of::<libc::ifreq>()) };
    let mut name = [0; libc::IFNAMSIZ];
    let letters = interface.as_bytes();
    if letters.len() >= name.len() {
        return Err(io::Error::other(format!(
            "{interface} is too long a name for an interface"
        )));
    }
    name[..letters.len()].copy_from_slice(letters);
    let mut value = Value {
        command: offload as u32,
        data: 0,
    };
    let mut request = Request {
        interface: name,
        value: &raw mut value,
        rest: [0; 16],
    };
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the request has the kernel's layout, its name ends with a zero, and the value that
    // it points to lives as long as the call.
    done(unsafe { libc::ioctl(socket, SIOCETHTOOL, &raw mut request) })
}

/// Has the kernel run a filter on every system call of this thread and of whatever it becomes or
/// starts. Returns where the calls are heard of that the filter stops.
pub(crate) fn listen_to_calls(filter: &[sock_filter]) -> io::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        // The kernel only reads it.
        filter: filter.as_ptr().cast_mut(),
    };
    // A save that somebody has heard of is not begun anew because of a signal.
    let patient = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE;
    let listener = match set_filter(&program, patient) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            set_filter(&program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?
        }
        other => other?,
    };
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

fn set_filter(program: &libc::sock_fprog, flags: libc::c_ulong) -> io::Result<c_int> {
    // SAFETY: the program points to as many instructions as it says, which outlive the call; the
    // kernel copies them and refuses those that it does not understand.
    let listener = unsafe {
        let mode = libc::c_long::from(libc::SECCOMP_SET_MODE_FILTER);
        libc::syscall(libc::SYS_seccomp, mode, flags, &raw const *program)
    };
    let listener = c_int::try_from(listener).map_err(io::Error::other)?;
    done(listener).map(|()| listener)
}

/// The next call that the filter stopped. Waits for one; `None` if its thread was killed meanwhile.
pub(crate) fn next_stopped_call(listener: impl AsFd) -> io::Result<Option<StoppedCall>> {
    // SAFETY: all its fields are numbers, and the kernel demands that they be zero.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    let listener = listener.as_fd().as_raw_fd();
    // SAFETY: the number of the request contains the size of this structure.
    let received = unsafe { libc::ioctl(listener, NOTIFICATION_RECEIVE, &raw mut call) };
    if !is_there(received)? {
        return Ok(None);
    }
    Ok(Some(StoppedCall {
        id: call.id,
        thread: call.pid,
        number: call.data.nr,
    }))
}

/// Lets a stopped call go on, or fail with an error number. A thread that was killed meanwhile
/// does not need to know.
pub(crate) fn decide(listener: impl AsFd, id: u64, error: Option<i32>) -> io::Result<()> {
    let mut answer = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: error.map_or(0, |number| -number),
        flags: if error.is_some() { 0 } else { GO_ON },
    };
    let listener = listener.as_fd().as_raw_fd();
    // SAFETY: the number of the request contains the size of this structure.
    let sent = unsafe { libc::ioctl(listener, NOTIFICATION_SEND, &raw mut answer) };
    is_there(sent).map(|_| ())
}

/// How long a value is.
fn bytes<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).expect("what the kernel is told is short")
}

fn done(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether the stopped call was still there.
fn is_there(result: c_int) -> io::Result<bool> {
    match done(result) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        other => other.map(|()| true),
    }
}
