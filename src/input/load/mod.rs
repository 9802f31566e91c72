//! Loads: how they are written, read, made, and what their columns drive.

pub mod drives;
pub mod pattern;
mod reader;
mod settings;
pub mod synthetic;
pub mod trace;

pub use reader::{FOLDER_LOAD, How, Load, as_input_error, folder_of, folder_of_hpa, has_recorded, said};
pub use settings::{Call, Calls, CpuFrom, LoadSettings, Number, Row, StatedReading, Values};
