//! What was checked, for pipelines: JUnit XML, and the annotations of GitHub's workflows.

use std::fmt::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::model::{Location, escaped};

/// Something that was put to the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is one of: a scenario, a rule, the bounds.
    pub suite: String,
    /// What it says.
    pub name: String,
    /// Where that stands.
    pub location: Option<Location>,
    /// What it came to.
    pub found: String,
    /// How bad that is.
    pub level: Level,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Passed,
    /// Something to know.
    Notice,
    /// Something that will surprise.
    Warning,
    /// Something that is not as it should be.
    Error,
}

/// JUnit XML: a suite for each group; what is no error is a passed test, with its words.
pub fn junit(command: &str, checks: &[Check]) -> Result<Vec<u8>, quick_junit::SerializeError> {
    let mut report = Report::new(format!("hpasim {command}"));
    for group in checks.chunk_by(|one, other| one.suite == other.suite) {
        let mut suite = TestSuite::new(escaped(&group[0].suite).into_owned());
        for check in group {
            let mut status = match check.level {
                Level::Error => TestCaseStatus::non_success(NonSuccessKind::Failure),
                _ => TestCaseStatus::success(),
            };
            status.set_message(escaped(&check.found).into_owned());
            let mut case = TestCase::new(escaped(&check.name).into_owned(), status);
            case.set_classname(escaped(&check.suite).into_owned());
            if let Some(location) = &check.location {
                case.extra.insert("file".into(), escaped(&location.file).into_owned().into());
                case.extra.insert("line".into(), location.line.to_string().into());
            }
            if check.level != Level::Error && check.level != Level::Passed {
                case.set_system_out(escaped(&check.found).into_owned());
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    let mut bytes = Vec::new();
    report.serialize(&mut bytes)?;
    Ok(bytes)
}

/// The workflow commands that annotate lines of a pull request
/// (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>); what passed says nothing.
pub fn github(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let command = match check.level {
            Level::Passed => continue,
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let mut properties = Vec::new();
        if let Some(Location { file, line, column }) = &check.location {
            properties.push(format!("file={}", property(file)));
            properties.extend((*line > 0).then(|| format!("line={line}")));
            properties.extend((*column > 0).then(|| format!("col={column}")));
        }
        properties.push(format!("title={}", property(&format!("{}: {}", check.suite, check.name))));
        let _ = writeln!(text, "::{command} {}::{}", properties.join(","), data(&check.found));
    }
    text
}

fn data(text: &str) -> String {
    escaped(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        let location = Location { file: "k8s/a,b:c.yaml".into(), line: 3, column: 5 };
        let check = |name: &str, found: &str, level, location| Check {
            suite: "bounds".into(),
            name: name.into(),
            location,
            found: found.into(),
            level,
        };
        vec![
            check("replicas < 9", "50% <of> \"them\"\n::error::x", Level::Error, Some(location)),
            check("lost", "nothing", Level::Passed, None),
            check("slo", "to know", Level::Notice, None),
        ]
    }

    #[test]
    fn annotations_cannot_be_forged() {
        let text = github(&checks());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].starts_with("::error file=k8s/a%2Cb%3Ac.yaml,line=3,col=5,title=bounds%3A replicas < 9::50%25")
        );
        assert!(lines[1].starts_with("::notice title="));
    }

    #[test]
    fn junit_counts_errors_alone() {
        let xml = String::from_utf8(junit("simulate", &checks()).unwrap()).unwrap();
        assert!(xml.contains("tests=\"3\" skipped=\"0\" errors=\"0\" failures=\"1\""), "{xml}");
        assert!(xml.contains("&lt;of&gt;"), "{xml}");
        assert!(!xml.contains("<of>"), "{xml}");
    }
}
