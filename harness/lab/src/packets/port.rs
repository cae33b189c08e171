//! One end of a cable, heard and spoken to frame by frame.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice, recv, send,
    socket_with,
};

use crate::kernel::{self, Offload};

/// So much may have come before it is read, if the machine allows; what comes beyond is lost.
const BUFFER_BYTES: usize = 8 << 20;

/// One end of a cable.
#[derive(Debug)]
pub(super) struct Port {
    socket: OwnedFd,
}

/// Makes an interface of this thread's network namespace send frames as they are on a real wire:
/// none larger than its MTU, every checksum complete. Otherwise a kernel hands over 64 KiB at once
/// with the checksum still to be computed, and would take a damaged one for whole.
///
/// # Errors
/// If there is no such interface, or the kernel does not let it.
pub fn plain_frames(interface: &str) -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    for offload in [
        Offload::TcpSegmentation,
        Offload::Segmentation,
        Offload::Checksums,
    ] {
        kernel::switch_off(&socket, interface, offload).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{interface}: {offload:?} stays on: {error}"),
            )
        })?;
    }
    Ok(())
}

impl Port {
    /// The end of a cable that is an interface of this thread's network namespace.
    pub(super) fn open(interface: &str) -> io::Result<Port> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
        // Only the machine's root may exceed the machine's limit.
        set_socket_recv_buffer_size_force(&socket, BUFFER_BYTES)
            .or_else(|_| set_socket_recv_buffer_size(&socket, BUFFER_BYTES))?;
        let index = netdevice::name_to_index(&socket, interface)?;
        kernel::hear_interface(&socket, index)?;
        Ok(Port { socket })
    }

    /// The length of the next frame, which is put into `buffer`; `None` if none has come.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(&self.socket, buffer, RecvFlags::empty()) {
            Ok((length, _)) => Ok(Some(length)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            // The other end was taken away; it may come back.
            Err(Errno::NETDOWN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a frame. Returns whether the kernel took it: it may be out of buffers, or the other
    /// end taken away.
    pub(super) fn send(&self, frame: &[u8]) -> bool {
        send(&self.socket, frame, SendFlags::empty()).is_ok()
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
