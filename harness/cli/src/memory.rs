//! How much memory the machine can spare.

use std::fs;

/// Where there is no telling: 4 GB.
const UNKNOWN: u64 = 4_000_000_000;

/// Half of the memory that is free, in bytes: of the machine, or of the control group if that has
/// less.
pub(crate) fn half_of_free() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo");
    let machine = machine.ok().and_then(|text| available(&text));
    let free = [machine, group()].into_iter().flatten().min();
    free.map_or(UNKNOWN, |free| free / 2)
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let kilobytes = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let number = kilobytes.trim().strip_suffix("kB")?.trim();
    number.parse::<u64>().ok()?.checked_mul(1024)
}

/// What the control group has left, if it has a limit.
fn group() -> Option<u64> {
    let number = |name: &str| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_in_bytes() {
        let text = "MemTotal:       24000000 kB\nMemFree: 5 kB\nMemAvailable:   12000 kB\n";
        assert_eq!(available(text), Some(12_000 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
