//! The code that tells a wrong time of day, and the jump that leads there.
//!
//! It asks the kernel, as the functions of the vDSO do when they cannot answer by themselves, and
//! turns the time `t` into `t + jump + (t - since) * drift / 1000000`, in nanoseconds. Clocks other
//! than the two of the time of day are answered as they are.

use super::Skew;

/// How long the code is, with its three numbers.
pub(super) const BYTES: usize = SINCE + 24;
/// How long the jump is.
pub(super) const JUMP_BYTES: usize = 5;
/// Where the numbers are.
const SINCE: usize = 0xe0;
const DRIFT: usize = SINCE + 8;
const JUMP: usize = SINCE + 16;

/// A function of the vDSO that tells the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    ClockGettime,
    Gettimeofday,
    Time,
}

impl Name {
    pub(super) fn of(symbol: &[u8]) -> Option<Name> {
        match symbol {
            b"__vdso_clock_gettime" => Some(Name::ClockGettime),
            b"__vdso_gettimeofday" => Some(Name::Gettimeofday),
            b"__vdso_time" => Some(Name::Time),
            _ => None,
        }
    }
}

/// Where in the code the replacement of a function begins.
pub(super) fn entry(name: Name) -> u64 {
    match name {
        Name::ClockGettime => 0x00,
        Name::Gettimeofday => 0x32,
        Name::Time => 0x75,
    }
}

/// The code, which may stand anywhere.
pub(super) fn code(skew: Skew) -> [u8; BYTES] {
    let mut code = [0; BYTES];
    code[..INSTRUCTIONS.len()].copy_from_slice(&INSTRUCTIONS);
    let jump = skew.jump_ms.saturating_mul(1_000_000);
    code[SINCE..DRIFT].copy_from_slice(&skew.since.to_le_bytes());
    code[DRIFT..JUMP].copy_from_slice(&skew.drift_ppm.to_le_bytes());
    code[JUMP..].copy_from_slice(&jump.to_le_bytes());
    code
}

/// A jump that stands at `from` and leads to `to`.
pub(super) fn jump(from: u64, to: u64) -> [u8; JUMP_BYTES] {
    let distance = to.wrapping_sub(from + JUMP_BYTES as u64).to_le_bytes();
    [0xe9, distance[0], distance[1], distance[2], distance[3]]
}

/// Made by an assembler from what stands beside it.
#[rustfmt::skip]
const INSTRUCTIONS: [u8; 0xd9] = [
    // clock_gettime(edi: clock, rsi: timespec), at 0x00
    0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax,228: clock_gettime
    0x0f, 0x05, // syscall
    0x85, 0xc0, // test eax,eax
    0x75, 0x09, // jne 14
    0x85, 0xff, // test edi,edi
    0x74, 0x06, // je 15
    0x83, 0xff, 0x05, // cmp edi,0x5
    0x74, 0x01, // je 15
    0xc3, // ret
    0x48, 0x8b, 0x06, // mov rax,[rsi]
    0x48, 0x69, 0xc0, 0x00, 0xca, 0x9a, 0x3b, // imul rax,rax,0x3b9aca00
    0x48, 0x03, 0x46, 0x08, // add rax,[rsi+0x8]
    0xe8, 0x81, 0x00, 0x00, 0x00, // call a9
    0x48, 0x89, 0x06, // mov [rsi],rax
    0x48, 0x89, 0x56, 0x08, // mov [rsi+0x8],rdx
    0x31, 0xc0, // xor eax,eax
    0xc3, // ret
    // gettimeofday(rdi: timeval), at 0x32
    0xb8, 0x60, 0x00, 0x00, 0x00, // mov eax,0x60
    0x0f, 0x05, // syscall
    0x85, 0xc0, // test eax,eax
    0x75, 0x37, // jne 74
    0x48, 0x85, 0xff, // test rdi,rdi
    0x74, 0x32, // je 74
    0x48, 0x8b, 0x07, // mov rax,[rdi]
    0x48, 0x69, 0xc0, 0x40, 0x42, 0x0f, 0x00, // imul rax,rax,0xf4240
    0x48, 0x03, 0x47, 0x08, // add rax,[rdi+0x8]
    0x48, 0x69, 0xc0, 0xe8, 0x03, 0x00, 0x00, // imul rax,rax,0x3e8
    0x56, // push rsi
    0xe8, 0x4c, 0x00, 0x00, 0x00, // call a9
    0x5e, // pop rsi
    0x48, 0x89, 0x07, // mov [rdi],rax
    0x48, 0x89, 0xd0, // mov rax,rdx
    0x31, 0xd2, // xor edx,edx
    0xb9, 0xe8, 0x03, 0x00, 0x00, // mov ecx,0x3e8
    0x48, 0xf7, 0xf1, // div rcx
    0x48, 0x89, 0x47, 0x08, // mov [rdi+0x8],rax
    0x31, 0xc0, // xor eax,eax
    0xc3, // ret
    // time(rdi: time_t), at 0x75
    0x57, // push rdi
    0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax,0xe4
    0x31, 0xff, // xor edi,edi
    0x48, 0x83, 0xec, 0x10, // sub rsp,0x10
    0x48, 0x89, 0xe6, // mov rsi,rsp
    0x0f, 0x05, // syscall
    0x48, 0x8b, 0x04, 0x24, // mov rax,[rsp]
    0x48, 0x69, 0xc0, 0x00, 0xca, 0x9a, 0x3b, // imul rax,rax,0x3b9aca00
    0x48, 0x03, 0x44, 0x24, 0x08, // add rax,[rsp+0x8]
    0x48, 0x83, 0xc4, 0x10, // add rsp,0x10
    0xe8, 0x0a, 0x00, 0x00, 0x00, // call a9
    0x5f, // pop rdi
    0x48, 0x85, 0xff, // test rdi,rdi
    0x74, 0x03, // je a8
    0x48, 0x89, 0x07, // mov [rdi],rax
    0xc3, // ret
    // rax: nanoseconds since 1970; gives skewed seconds in rax, nanoseconds in rdx; at 0xa9
    0x49, 0x89, 0xc0, // mov r8,rax
    0x48, 0x2b, 0x05, 0x2d, 0x00, 0x00, 0x00, // sub rax,[since]
    0x48, 0xf7, 0x2d, 0x2e, 0x00, 0x00, 0x00, // imul [drift]
    0x48, 0xc7, 0xc1, 0x40, 0x42, 0x0f, 0x00, // mov rcx,0xf4240
    0x48, 0xf7, 0xf9, // idiv rcx
    0x4c, 0x01, 0xc0, // add rax,r8
    0x48, 0x03, 0x05, 0x22, 0x00, 0x00, 0x00, // add rax,[jump]
    0x31, 0xd2, // xor edx,edx
    0xb9, 0x00, 0xca, 0x9a, 0x3b, // mov ecx,0x3b9aca00
    0x48, 0xf7, 0xf1, // div rcx
    0xc3, // ret
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_leads_from_its_end_to_its_target() {
        assert_eq!(jump(0x100, 0x105), [0xe9, 0, 0, 0, 0]);
        assert_eq!(jump(0x100, 0x1105), [0xe9, 0, 0x10, 0, 0]);
        assert_eq!(jump(0x100, 0x104), [0xe9, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn the_numbers_stand_behind_the_instructions() {
        let code = code(Skew {
            jump_ms: -1,
            drift_ppm: 2,
            since: 3,
        });
        assert_eq!(code[SINCE..DRIFT], 3_u64.to_le_bytes());
        assert_eq!(code[DRIFT..JUMP], 2_u64.to_le_bytes());
        assert_eq!(code[JUMP..], (-1_000_000_i64).to_le_bytes());
    }
}
