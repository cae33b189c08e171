//! Histories of the size that a test harness makes are decided in few steps.

mod simulated;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{Budget, Verdict, check_recorded, decide_recorded};
use testimony_history::Model;

#[test]
fn probe() {
    for model in Model::ALL
        .into_iter()
        .filter(|m| std::env::var("M").is_ok_and(|x| x == m.name()))
    {
        for fault in [
            None,
            Some(Fault::Stale),
            Some(Fault::Lost),
            Some(Fault::Twice),
        ] {
            for haste in [0.5, 0.8] {
                let mut worst = 0;
                let mut total = 0;
                let (mut ill, mut leg, mut und) = (0, 0, 0);
                let mut secs = 0.0f64;
                let mut worst_s = 0.0f64;
                let mut conc = 0.0f64;
                let mut big = 0;
                for seed in std::env::var("S").map_or(0..12, |s| {
                    let s: u64 = s.parse().unwrap();
                    s..s + 1
                }) {
                    let mut rng = ChaCha8Rng::seed_from_u64(seed);
                    let schedule = Schedule {
                        model,
                        processes: 15,
                        operations: 400,
                        keys: if model == Model::Kv { 1 } else { 0 },
                        values: 0,
                        unknown: 0.025,
                        failed: 0.02,
                        tie: 0.0,
                        fault: fault.map(|f| (f, 0.005)),
                        haste,
                        actual: true,
                    };
                    let (history, faulty) = simulate(&schedule, &mut rng);
                    let budget = Budget {
                        steps: 2_000_000,
                        ..Budget::for_tests()
                    };
                    let t = std::time::Instant::now();
                    let d = decide_recorded(model, None, &history, &budget);
                    if d.is_illegal() {
                        println!("seed {seed} illegal");
                    }
                    let dt = t.elapsed().as_secs_f64();
                    secs += dt;
                    worst_s = worst_s.max(dt);
                    let t = std::time::Instant::now();
                    let j = d.conclude();
                    conc = conc.max(t.elapsed().as_secs_f64());
                    worst = worst.max(j.steps);
                    total += j.steps;
                    match j.verdict {
                        Verdict::Linearizable(_) => leg += 1,
                        Verdict::Illegal(c) => {
                            assert!(faulty);
                            ill += 1;
                            big = big.max(c.operations.operations().len());
                        }
                        Verdict::Undecided(w) => {
                            und += 1;
                            if !matches!(w.reason, testimony_checker::Reason::Steps) {
                                println!("{w:?}")
                            }
                        }
                    }
                }
                println!(
                    "{model} {fault:?} haste {haste}: legal {leg} illegal {ill} undecided {und}; steps worst {worst} total {total}; s worst {worst_s:.3}; conclude worst {conc:.3}, biggest {big}"
                );
            }
        }
    }
}

#[test]
fn show() {
    let Ok(seed) = std::env::var("SHOW") else {
        return;
    };
    let seed: u64 = seed.parse().unwrap();
    let haste: f64 = std::env::var("HASTE").map_or(0.8, |h| h.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let schedule = Schedule {
        model: Model::Kv,
        processes: 15,
        operations: 400,
        keys: 1,
        values: 0,
        unknown: 0.025,
        failed: 0.02,
        tie: 0.0,
        fault: Some((Fault::Stale, 0.005)),
        haste,
        actual: true,
    };
    let (history, _) = simulate(&schedule, &mut rng);
    let judgement = check_recorded(Model::Kv, None, &history, &Budget::for_tests());
    if let Verdict::Illegal(c) = judgement.verdict {
        println!("{:?} {}", c.confirmed_by, c.operations.operations().len());
        for op in c.operations.operations() {
            println!(
                "p{:<3} {:>4} {:>5?} {} {:?} -> {:?}",
                op.process,
                op.called,
                op.returned,
                op.input.f,
                op.input.value.as_ref().map(|v| v.to_string()),
                match &op.outcome {
                    testimony_history::Outcome::Completed(a) => format!(
                        "{:?} sw {:?} act {:?} res {:?}",
                        a.value.as_ref().map(|v| v.to_string()),
                        a.swapped,
                        a.actual.as_ref().map(|v| v.to_string()),
                        a.result
                    ),
                    o => format!("{o:?}"),
                }
            );
        }
        println!("{:#?}", c.explanation);
    }
}
