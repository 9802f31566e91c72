//! A search as an Indexed Job of Kubernetes: the objects that run it.

use serde_json::{Map, Value, json};

/// What is run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The image that has hpasim.
    pub image: String,
    /// The arguments of the command.
    pub args: Vec<String>,
    /// How many parts there are.
    pub parts: usize,
    /// The files that are read, by their paths below the working directory.
    pub files: Vec<(String, Vec<u8>)>,
    /// What a part needs, bytes.
    pub memory: u64,
}

/// What a ConfigMap may hold in all, bytes; the API server refuses more than 1 MiB, keys and metadata among it.
const MOST: usize = 900 << 10;
/// No more parts run at once.
const PARALLEL: usize = 100;
/// So many parts take a GiB: one is some 0.2 MiB.
const PARTS_OF_GIB: usize = 3000;
const INPUTS: &str = "hpasim-tune-inputs";
const PARTS: &str = "hpasim-tune-parts";
/// The user of the image.
const USER: u32 = 65_532;

impl Job {
    /// Whether the files fit into a ConfigMap.
    pub fn fits(&self) -> bool {
        // Base64 takes a third more.
        self.files.iter().map(|(path, bytes)| path.len() + bytes.len() * 4 / 3).sum::<usize>() <= MOST
    }

    /// The objects, in the order in which they are made.
    pub fn objects(&self, base64: impl Fn(&[u8]) -> String) -> Vec<Value> {
        let inputs = if self.fits() {
            self.config_map(base64)
        } else {
            claim(
                INPUTS,
                "ReadOnlyMany",
                1 + self.files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() / (1 << 30),
            )
        };
        vec![inputs, claim(PARTS, "ReadWriteMany", 1 + self.parts / PARTS_OF_GIB), self.job()]
    }

    fn config_map(&self, base64: impl Fn(&[u8]) -> String) -> Value {
        let (mut data, mut binary) = (Map::new(), Map::new());
        for (index, (_, bytes)) in self.files.iter().enumerate() {
            match std::str::from_utf8(bytes) {
                Ok(text) => data.insert(key(index), text.into()),
                Err(_) => binary.insert(key(index), base64(bytes).into()),
            };
        }
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": INPUTS}});
        for (field, values) in [("data", data), ("binaryData", binary)] {
            if !values.is_empty() {
                object[field] = values.into();
            }
        }
        object
    }

    fn job(&self) -> Value {
        let inputs = match self.fits() {
            true => {
                // A key has no slashes, a path may.
                let items: Vec<Value> = self
                    .files
                    .iter()
                    .enumerate()
                    .map(|(index, (path, _))| json!({"key": key(index), "path": path}))
                    .collect();
                json!({"name": "inputs", "configMap": {"name": INPUTS, "items": items}})
            }
            false => json!({"name": "inputs", "persistentVolumeClaim": {"claimName": INPUTS, "readOnly": true}}),
        };
        let memory = format!("{}Mi", self.memory.div_ceil(1 << 20));
        let container = json!({
            "name": "hpasim",
            "image": self.image,
            "args": self.args,
            "workingDir": "/inputs",
            "env": [
                {"name": "HPASIM_SHARDS", "value": self.parts.to_string()},
                {"name": "RAYON_NUM_THREADS", "value": "1"},
            ],
            "resources": {"requests": {"cpu": "1", "memory": memory}, "limits": {"memory": memory}},
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "inputs", "mountPath": "/inputs", "readOnly": true},
                {"name": "parts", "mountPath": "/parts"},
            ],
        });
        let pod = json!({
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [inputs, {"name": "parts", "persistentVolumeClaim": {"claimName": PARTS}}],
        });
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "hpasim-tune"},
            "spec": {
                "completionMode": "Indexed",
                "completions": self.parts,
                "parallelism": self.parts.min(PARALLEL),
                // A node that is lost takes its part with it; another one does it again.
                "backoffLimitPerIndex": 3,
                "ttlSecondsAfterFinished": 86_400,
                "template": {"metadata": {"labels": {"app.kubernetes.io/name": "hpasim"}}, "spec": pod},
            },
        })
    }
}

fn key(index: usize) -> String {
    format!("file-{index}")
}

fn claim(name: &str, mode: &str, gib: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": format!("{gib}Gi")}}},
    })
}
