//! A setting is declared once: its option, its field in scenarios, its JSON Schema, its row in docs/cluster.md and the model's
//! default cannot differ.

use std::collections::BTreeMap;

use clap::{Args, FromArgMatches};
use hpasim::input::load::LoadSettings;
use hpasim::model::{ClusterAutoscaler, ClusterConfig, ControllerConfig};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{project, write};

/// What the controller's options begin with, as the kube-controller-manager's flags do.
const CONTROLLER: &str = "horizontal-pod-autoscaler-";
/// Fields that only scenarios have: they name files and lists, for which there are options of another kind.
const OF_SCENARIOS: [&str; 8] = ["nodes", "minNodes", "values", "rows", "trace", "patterns", "readings", "from"];
/// Options whose fields are elsewhere in a scenario.
const ELSEWHERE: [&str; 1] = ["kubernetes-version"];

/// A setting as an option.
struct Setting {
    option: String,
    field: String,
    default: Option<String>,
    help: String,
}

fn settings<T: Args>() -> Vec<Setting> {
    let command = T::augment_args(clap::Command::new("test").disable_help_flag(true));
    let of = |arg: &clap::Arg| {
        let option = arg.get_long().unwrap().to_owned();
        // The autoscaler has its field under `nodes`, where the option says so itself.
        let bare = option.trim_start_matches(CONTROLLER).trim_start_matches("node-");
        let mut words = bare.split('-');
        let first = words.next().unwrap().to_owned();
        let field = words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..]);
        let default = arg.get_default_values().first().map(|value| value.to_str().unwrap().to_owned());
        let help = arg.get_help().unwrap().to_string();
        Setting { option, field, default, help }
    };
    command.get_arguments().map(of).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The options of a kind of settings against the definition of that name in the JSON Schema.
fn compare<T: Args>(definition: &str) {
    let schema = hpasim::input::scenario::schema();
    let fields = schema["$defs"][definition]["properties"].as_object().unwrap();
    let settings = settings::<T>();
    let options = || settings.iter().filter(|setting| !ELSEWHERE.contains(&setting.option.as_str()));
    let expected: Vec<&String> = fields.keys().filter(|field| !OF_SCENARIOS.contains(&field.as_str())).collect();
    let mut names: Vec<&String> = options().map(|setting| &setting.field).collect();
    names.sort();
    assert_eq!(names, expected, "{definition}: every option is a field, every field an option");
    for Setting { option, field, default, help } in options() {
        let published = &fields[field]["default"];
        match default {
            Some(default) => assert_eq!(*default, text(published), "--{option}"),
            None => assert!(published.is_null() || *published == json!(false), "--{option}: {published}"),
        }
        let described = fields[field]["description"].as_str().unwrap();
        assert_eq!(help.split_whitespace().next(), described.split_whitespace().next(), "--{option}");
    }
}

#[test]
fn every_option_is_a_field_with_the_same_default() {
    compare::<ClusterConfig>("Cluster");
    compare::<ControllerConfig>("Controller");
    compare::<LoadSettings>("Load");
    compare::<ClusterAutoscaler>("Autoscaler");
}

/// What no option gives is what the model has.
#[test]
fn the_defaults_of_the_options_are_those_of_the_model() {
    fn parsed<T: Args + FromArgMatches>() -> T {
        let command = T::augment_args(clap::Command::new("test").disable_help_flag(true));
        let matches = command.arg(clap::Arg::new("cluster_autoscaler")).try_get_matches_from(["test"]).unwrap();
        T::from_arg_matches(&matches).unwrap()
    }
    assert_eq!(parsed::<ClusterConfig>(), ClusterConfig::default());
    assert_eq!(parsed::<ControllerConfig>(), ControllerConfig::default());
    assert_eq!(parsed::<ClusterAutoscaler>(), ClusterAutoscaler::default());
    let defaults = (format!("{:?}", parsed::<LoadSettings>()), format!("{:?}", LoadSettings::default()));
    assert_eq!(defaults.0, defaults.1);
}

/// A value means the same as an option and as a field: for every setting, by the scenario that has them all.
#[test]
fn an_option_means_what_the_field_means() {
    fn both<T: Args + FromArgMatches + DeserializeOwned + std::fmt::Debug>(given: &Value) {
        let given: BTreeMap<&String, &Value> =
            given.as_object().unwrap().iter().filter(|(name, _)| !OF_SCENARIOS.contains(&name.as_str())).collect();
        let command = T::augment_args(clap::Command::new("test").disable_help_flag(true));
        let mut args = vec!["test".to_owned()];
        for Setting { option, field, .. } in settings::<T>() {
            if ELSEWHERE.contains(&option.as_str()) {
                continue;
            }
            let value = given.get(&field).unwrap_or_else(|| panic!("everything.yaml has no {field}"));
            match value {
                Value::Bool(true) => args.push(format!("--{option}")),
                value => args.push(format!("--{option}={}", text(value))),
            }
        }
        let autoscaler = clap::Arg::new("cluster_autoscaler").long("cluster-autoscaler").num_args(0);
        args.push("--cluster-autoscaler".into());
        let matches = command.arg(autoscaler).try_get_matches_from(&args).unwrap();
        let of_options = T::from_arg_matches(&matches).unwrap();
        let of_fields: T = serde_json::from_value(json!(given)).unwrap();
        assert_eq!(format!("{of_options:?}"), format!("{of_fields:?}"));
    }
    let file = std::fs::read_to_string(project("tests/data/scenarios/everything.yaml")).unwrap();
    let given: Value = serde_yaml::from_str(&file).unwrap();
    both::<ClusterConfig>(&given["cluster"]);
    both::<ControllerConfig>(&given["controller"]);
    both::<LoadSettings>(&given["load"]);
    both::<ClusterAutoscaler>(&given["cluster"]["nodes"]["autoscaler"]);
}

/// The table in docs/cluster.md is made of the declarations. Where it is not, the right one is written beside the build.
#[test]
fn the_documents_have_every_setting() {
    let mut table = String::from("| option | in scenarios | default | what it is |\n|---|---|---|---|\n");
    let mut add = |settings: Vec<Setting>, place: &str| {
        for Setting { option, field, default, help } in settings {
            let (help, no_value) = match help.split_once(" [default: ") {
                Some((help, rest)) => (help.to_owned(), rest.trim_end_matches(']').to_owned()),
                None => (help, if option == "memory-kept" { "no" } else { "none" }.to_owned()),
            };
            let field = if ELSEWHERE.contains(&option.as_str()) {
                "kubernetesVersion".into()
            } else {
                place.to_owned() + &field
            };
            let default = default.unwrap_or(no_value);
            table += &format!(
                "| `--{option}` | `{field}` | {default} | {} |\n",
                help.replace('\n', " ").replace('|', "\\|")
            );
        }
    };
    add(settings::<ClusterConfig>(), "cluster.");
    add(settings::<ClusterAutoscaler>(), "cluster.nodes.autoscaler.");
    add(settings::<LoadSettings>(), "load.");
    add(settings::<ControllerConfig>(), "controller.");
    let readme = std::fs::read_to_string(project("docs/cluster.md")).unwrap();
    let (begin, end) = ("<!-- settings: made by tests/it/settings.rs -->\n", "<!-- end of settings -->");
    let found = readme.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).map(|(table, _)| table);
    if found != Some(&table) {
        let made = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("settings.md");
        write(&made, &table);
        panic!("the table of settings in docs/cluster.md is not that of the declarations: {} is", made.display());
    }
}
