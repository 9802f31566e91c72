//! A search on several machines: each does a part and writes a file, and `hpasim merge` puts the files together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::output::{self, ColorChoice, Format};
use super::{Outcome, show};
use crate::report::json::API_VERSION;
use crate::report::tune::{Frame, Part, Tunings};
use crate::study::tune::{Problem, Service};

/// Put together the parts of `hpasim tune --shard`: the same bytes as of one process
///
/// A part that was written twice counts once. Parts that are missing are named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  hpasim merge parts/\n  hpasim merge parts/ -o out/")]
pub(in super::super) struct MergeArgs {
    /// The directory that the parts were written into
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Write tune.json, report.html, report.md, front.png, patch.yaml and manifests.diff into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
}

/// Which part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    /// From 0 on.
    pub index: usize,
    /// Of so many.
    pub count: usize,
}

impl Shard {
    /// Whether it does a piece of the work.
    pub fn has(self, piece: usize) -> bool {
        piece % self.count == self.index
    }

    fn file(self) -> String {
        format!("part-{}-of-{}.json", self.index + 1, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            let (index, count): (usize, usize) = (index.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&index).then_some((index, count))
        });
        let (index, count) = numbers.ok_or("write I/N with I from 1 to N, such as 3/16")?;
        Ok(Self { index: index - 1, count })
    }
}

const INDEX: &str = "JOB_COMPLETION_INDEX";
const COUNT: &str = "HPASIM_SHARDS";

/// The part that is asked for, by the option or by both variables of an Indexed Job.
pub(super) fn shard(option: Option<Shard>) -> anyhow::Result<Option<Shard>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let (None, Some(index), Some(count)) = (option, variable(INDEX), variable(COUNT)) else { return Ok(option) };
    let number = |name: &str, text: &str| {
        text.parse::<usize>().with_context(|| format!("{name}={text} in the environment is no number"))
    };
    let (index, count) = (number(INDEX, &index)?, number(COUNT, &count)?);
    if index >= count {
        anyhow::bail!("{INDEX}={index} in the environment counts from 0, and must be below {COUNT}={count}");
    }
    Ok(Some(Shard { index, count }))
}

/// What a part is of: the same for all of one work.
pub(super) fn digest(problems: &[(&Problem<'_>, Service)]) -> String {
    struct Into(Sha256);
    impl fmt::Write for Into {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text);
            Ok(())
        }
    }
    let mut hasher = Into(Sha256::new());
    // Writing to a hasher does not fail.
    let _ = fmt::write(&mut hasher, format_args!("{problems:?}"));
    hasher.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A part of the work, done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartFile {
    api_version: String,
    kind: String,
    /// The hpasim that wrote it.
    version: String,
    /// SHA-256 of all that was read and asked for.
    inputs: String,
    index: usize,
    count: usize,
    searches: usize,
    hpas: Vec<Frame>,
    parts: Vec<Part>,
}

const KIND: &str = "TuningPart";

/// Writes a part.
pub(super) fn write(
    directory: &Path,
    shard: Shard,
    searches: usize,
    inputs: String,
    hpas: Vec<Frame>,
    parts: Vec<Part>,
) -> anyhow::Result<()> {
    let file = PartFile {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        inputs,
        index: shard.index,
        count: shard.count,
        searches,
        hpas,
        parts,
    };
    let mut bytes = serde_json::to_vec_pretty(&file)?;
    bytes.push(b'\n');
    for path in output::write_files(directory, vec![(shard.file(), bytes)])? {
        output::complain("wrote", &path.display().to_string());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<PartFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let wrong = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let what = "is no part that `hpasim tune --shard` of this version wrote";
        anyhow::anyhow!("{}:{line}:{column}: {what}: {error}", path.display())
    };
    let file: PartFile = serde_json::from_str(&text).map_err(wrong)?;
    let own = env!("CARGO_PKG_VERSION");
    if file.kind != KIND || file.api_version != API_VERSION || file.version != own {
        anyhow::bail!(
            "{} is a {} of hpasim {}, and this is {own}: run it again with one version",
            path.display(),
            file.kind,
            file.version
        );
    }
    Ok(file)
}

/// Runs `hpasim merge`.
pub(in super::super) fn merge(args: &MergeArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    let here = args.directory.display();
    let entries = std::fs::read_dir(&args.directory).with_context(|| format!("cannot read {here}"))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("part-") && name.ends_with(".json")
    });
    paths.sort();
    let mut found: BTreeMap<usize, (PathBuf, PartFile)> = BTreeMap::new();
    for path in paths {
        let file = read(&path)?;
        if let Some((other, first)) = found.values().next() {
            let is_same = (&first.inputs, first.count, first.searches) == (&file.inputs, file.count, file.searches);
            if !is_same {
                anyhow::bail!(
                    "{} and {} are parts of different works (other manifests, loads or options, or another N): remove those of one",
                    other.display(),
                    path.display()
                );
            }
        }
        found.insert(file.index, (path, file));
    }
    let Some((_, first)) = found.values().next() else {
        anyhow::bail!(
            "there are no parts (part-I-of-N.json) in {here}: `hpasim tune --shard I/N -o {here}` writes them"
        );
    };
    let count = first.count;
    let missing: Vec<String> =
        (0..count).filter(|index| !found.contains_key(index)).map(|index| Shard { index, count }.to_string()).collect();
    if !missing.is_empty() {
        let (word, is) = if missing.len() == 1 { ("part", "is") } else { ("parts", "are") };
        anyhow::bail!("{word} {} {is} missing in {here}: run --shard with each, and merge again", missing.join(", "));
    }
    let frames = first.hpas.clone();
    let parts: Vec<Part> = found.into_values().flat_map(|(_, file)| file.parts).collect();
    show(&Tunings::of(&frames, &parts), args.output.as_deref(), args.format, color)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_one() {
        let shard: Shard = "3/16".parse().unwrap();
        assert_eq!((shard, shard.to_string()), (Shard { index: 2, count: 16 }, "3/16".to_owned()));
        let all: Vec<usize> =
            (0..3).flat_map(|index| (0..7).filter(move |piece| Shard { index, count: 3 }.has(*piece))).collect();
        assert_eq!(all, [0, 3, 6, 1, 4, 2, 5]);
        for wrong in ["0/3", "4/3", "3", "a/b", "1/0", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
