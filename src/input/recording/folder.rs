//! What `hpasim import` wrote of pods.

use std::path::Path;

use crate::input::times::TimeStyle;
use crate::input::{Diagnostic, InputError, open};
use crate::model::{Location, piece};

/// The file of a folder that has the pods.
pub const FOLDER_PODS: &str = "pods.csv";

/// When pods were created, scheduled, started and ready, seconds; as far as that is known.
pub type PodTimes = [Option<i64>; 4];

/// Reads the pods of a folder; there are none where there is no such file.
pub fn pods(folder: &Path) -> Result<Vec<PodTimes>, InputError> {
    let path = folder.join(FOLDER_PODS);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let name = path.display().to_string();
    let wrong = |line: usize, message: String| {
        InputError::from(Diagnostic::new(message).at(Location { file: name.as_str().into(), line, column: 1 }))
    };
    let mut reader = csv::Reader::from_reader(open(&path)?);
    let headers = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
    let columns = ["created", "scheduled", "started", "ready"].map(|name| headers.iter().position(|one| one == name));
    let mut all = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| wrong(index + 2, error.to_string()))?;
        let mut times = PodTimes::default();
        for (time, column) in times.iter_mut().zip(columns) {
            let text = column.and_then(|column| record.get(column)).unwrap_or_default();
            if !text.is_empty() {
                let parsed = TimeStyle::of(text).parse(text);
                *time = Some(parsed.ok_or_else(|| wrong(index + 2, format!("`{}` is no time", piece(text))))?);
            }
        }
        all.push(times);
    }
    Ok(all)
}
