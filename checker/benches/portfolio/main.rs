//! How fast and how lean the checker is, beside the crate `porcupine-rs` in the same run.
//!
//! `cargo bench -p testimony-checker` prints a table in a few minutes. Arguments after `--`:
//!
//! | argument | meaning |
//! |---|---|
//! | `--full` | every combination, up to 10,000,000 operations, more time and memory for both |
//! | `--markdown` | the table as it stands in `docs/benchmarks.md` |
//! | any word | only the rows whose name contains it, such as `register/1000000` |

mod case;
#[path = "../../tests/load/mod.rs"]
mod load;
mod measured;
mod memory;
mod peer;
mod recorded;
mod table;

use std::env;

use measured::Judge;
use table::Table;

#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

fn main() {
    let (flags, words): (Vec<String>, Vec<String>) = env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let flag = |name: &str| flags.iter().any(|flag| flag == name);
    let wanted = |name: &str| words.iter().all(|word| name.contains(word.as_str()));
    let full = flag("--full");
    let table = Table::new(flag("--markdown"));

    table.heading("Generated histories");
    let mut judge = Judge::new(full);
    for case in case::all(full)
        .into_iter()
        .filter(|case| wanted(&case.name()))
    {
        table.row(&case.name(), &judge.case(&case));
    }
    table.heading("Recorded histories");
    match recorded::sets() {
        Ok(sets) => {
            for set in sets.into_iter().filter(|set| wanted(&set.name)) {
                table.row(&set.name, &judge.recorded(&set));
            }
        }
        Err(missing) => table.remark(&missing),
    }
}
