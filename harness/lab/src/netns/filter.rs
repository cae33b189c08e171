//! What passes between the nodes, decided in the bridge that joins them.
//!
//! One change of the rules is one transaction of the kernel's, so a partition of the whole cluster
//! begins and ends at one moment. The pairs of addresses have a direction, and the kernel counts
//! for each of them what it drops and what it lets pass: that is how a cut is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::process::Stdio;

use serde_json::Value;
use testimony_engine::{Link, NodeName};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// The program that changes the rules; a person's path often lacks the folders of root's programs.
const NFT: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];
const TABLE: &str = "bridge testimony";

/// The rules of the bridge.
#[derive(Debug)]
pub(super) struct Filter {
    links: BTreeMap<Link, String>,
}

/// How many packets each link has dropped since its cut, and passed since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Of links that are cut.
    pub(crate) dropped: BTreeMap<Link, u64>,
    /// Of all links.
    pub(crate) passed: BTreeMap<Link, u64>,
}

impl Filter {
    /// Sets the rules up; everything passes.
    pub(super) async fn set_up(nodes: &BTreeMap<NodeName, Ipv4Addr>) -> io::Result<Self> {
        let mut links = BTreeMap::new();
        for (from, source) in nodes {
            for (to, destination) in nodes.iter().filter(|(to, _)| *to != from) {
                links.insert(Link::new(from, to), format!("{source} . {destination}"));
            }
        }
        let filter = Filter { links };
        let all: Vec<&str> = filter.links.values().map(String::as_str).collect();
        nft(&["-f", "-"], &rules(&all)).await?;
        Ok(filter)
    }

    /// Cuts exactly these links, and no others, from one moment on.
    pub(super) async fn cut(&self, more: &BTreeSet<Link>) -> io::Result<()> {
        self.change("add", more).await
    }

    /// Lets these links pass again.
    pub(super) async fn join(&self, links: &BTreeSet<Link>) -> io::Result<()> {
        self.change("delete", links).await
    }

    async fn change(&self, verb: &str, links: &BTreeSet<Link>) -> io::Result<()> {
        let pairs: Vec<&str> = links
            .iter()
            .filter_map(|link| self.links.get(link))
            .map(String::as_str)
            .collect();
        if pairs.is_empty() {
            return Ok(());
        }
        let change = format!("{verb} element {TABLE} cut {{ {} }}\n", pairs.join(", "));
        nft(&["-f", "-"], &change).await.map(drop)
    }

    /// What the kernel has counted until now.
    pub(super) async fn counts(&self) -> io::Result<Counts> {
        let listed = nft(&["-j", "list", "table", "bridge", "testimony"], "").await?;
        let listed: Value = serde_json::from_slice(&listed).map_err(io::Error::other)?;
        let names: BTreeMap<&str, &Link> = self
            .links
            .iter()
            .map(|(link, pair)| (pair.as_str(), link))
            .collect();
        let mut counts = Counts::default();
        for set in listed["nftables"].as_array().into_iter().flatten() {
            let counted = match set["set"]["name"].as_str() {
                Some("cut") => &mut counts.dropped,
                Some("links") => &mut counts.passed,
                _ => continue,
            };
            let elements = set["set"]["elem"].as_array().into_iter().flatten();
            counted.extend(elements.filter_map(|element| {
                let (pair, packets) = counter(element)?;
                Some((Link::clone(names.get(pair.as_str())?), packets))
            }));
        }
        Ok(counts)
    }
}

/// The pair that an element of a set is about, and how many packets it has met.
fn counter(element: &Value) -> Option<(String, u64)> {
    let element = &element["elem"];
    let pair = element["val"]["concat"].as_array()?;
    let [from, to] = pair.as_slice() else {
        return None;
    };
    let packets = element["counter"]["packets"].as_u64()?;
    Some((format!("{} . {}", from.as_str()?, to.as_str()?), packets))
}

fn rules(pairs: &[&str]) -> String {
    let kind = "type ipv4_addr . ipv4_addr; counter;";
    let mut text = format!("table {TABLE} {{\n  set cut {{ {kind} }}\n  set links {{ {kind}");
    if !pairs.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, " elements = {{ {} }};", pairs.join(", "));
    }
    text.push_str(
        " }\n  chain between_nodes {\n    type filter hook forward priority 0; policy accept;\n    \
         ip saddr . ip daddr @cut drop\n    ip saddr . ip daddr @links accept\n  }\n}\n",
    );
    // A run in the same namespaces may have been here before.
    format!("add table {TABLE}\ndelete table {TABLE}\n{text}")
}

async fn nft(args: &[&str], input: &str) -> io::Result<Vec<u8>> {
    let mut child = start(args)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let text = format!("nft could not change the rules: {}", said.trim());
    Err(io::Error::other(text))
}

fn start(args: &[&str]) -> io::Result<Child> {
    for program in NFT {
        let spawned = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        match spawned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            spawned => return spawned,
        }
    }
    let text = "the program nft is not there; install the package nftables";
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}
