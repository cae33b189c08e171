//! Calls to the kernel that no crate wraps safely: the only unsafe code of the lab.
//!
//! Every function hands the kernel pointers to values of its own stack frame, of exactly the size
//! that it names, and looks at the result. No pointer outlives its call.

#![expect(
    unsafe_code,
    reason = "packet sockets and interface features have no safe wrapper"
)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

use libc::{c_int, c_void, socklen_t};

/// The family of addresses of interfaces; from `linux/socket.h`.
const AF_PACKET: libc::sa_family_t = 17;
/// Frames of every protocol; from `linux/if_ether.h`.
const ETH_P_ALL: u16 = 3;
/// Never to hear what is sent through the same interface; from `linux/if_packet.h`.
const PACKET_IGNORE_OUTGOING: c_int = 23;
/// Changes a feature of an interface; from `linux/sockios.h`.
const SIOCETHTOOL: libc::Ioctl = 0x8946;
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
