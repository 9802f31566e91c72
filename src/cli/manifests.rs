//! Arguments about manifests, and reading them: what `simulate`, `plan` and `lint` share.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::Args;

use super::output;
use crate::input::manifests::{self, Context, Edited, Manifests, Patch, StatedPods};
use crate::input::overrides::Override;
use crate::input::{InputError, Source, read_sources};
use crate::model::{Amounts, KubernetesVersion, ObjectId};
use crate::units::{NonNegativeQuantity, ParseNonNegativeError, Quantity, Replicas};

/// The most notes that are printed one by one.
const MOST_NOTES: usize = 20;

/// Where manifests come from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Manifests")]
pub(super) struct SourceArgs {
    /// File or directory with the manifests that you apply, or - for standard input; repeatable.
    /// Multi-document YAML, JSON and `kind: List` are read
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    pub filenames: Vec<PathBuf>,
    /// Directory of a kustomization, rendered by `kubectl kustomize` or `kustomize build`; repeatable
    #[arg(short = 'k', long, value_name = "DIR")]
    pub kustomize: Vec<PathBuf>,
    /// Descend into the subdirectories of the directories given with -f
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Namespace of objects that name none [default: default]; of several namespaces this one is looked at
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Refuse documents that are no Kubernetes objects, in place of passing over them
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub set: SetArgs,
    /// What was read before, otherwise than from files.
    #[arg(skip)]
    pub sources: Vec<Source>,
}

/// What is changed.
#[derive(Clone, Debug, Args)]
pub(super) struct SetArgs {
    /// Change a field of the manifests, or the load, before anything is simulated: KIND[.NAME].PATH=VALUE, where PATH begins in
    /// the spec and VALUE is YAML (hpa.web.maxReplicas=14, hpa.metrics[cpu].resource.target.averageUtilization=60,
    /// deploy.web.template.spec.containers[app].resources.requests.cpu=800m), or load[.HPA].factor=N[@TIME[+DURATION]]
    /// (load.factor=3@09:00+1h); repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<Override>,
}

impl SetArgs {
    /// As it was written.
    pub fn texts(&self) -> Vec<String> {
        self.set.iter().map(ToString::to_string).collect()
    }
}

/// The same, and which HPA is meant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Manifests")]
pub(super) struct ManifestArgs {
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Name of the HPA, where there are several
    #[arg(long, value_name = "NAME")]
    pub hpa: Option<String>,
    /// What a pod of the target requests, where the target is not among the manifests, such as cpu=500m,memory=1Gi;
    /// --replicas says how many there are
    #[arg(long, value_name = "RESOURCE=QUANTITY,...", value_parser = resources)]
    pod_requests: Option<Resources>,
    /// What it may use, likewise
    #[arg(long, value_name = "RESOURCE=QUANTITY,...", value_parser = resources)]
    pod_limits: Option<Resources>,
}

#[derive(Clone, Debug, Default)]
struct Resources(Vec<(String, Quantity)>);

fn resources(text: &str) -> Result<Resources, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (name, quantity) = part.split_once('=').ok_or("write RESOURCE=QUANTITY, such as cpu=500m,memory=1Gi")?;
        all.push((name.trim().to_owned(), {
            let quantity: Result<NonNegativeQuantity, _> = quantity.trim().parse();
            quantity.map_err(|error: ParseNonNegativeError| error.to_string())?.get()
        }));
    }
    Ok(Resources(all))
}

impl SourceArgs {
    /// Reads all files once, so that they can be read again with other overrides: standard input cannot.
    pub fn keep(&mut self) -> anyhow::Result<()> {
        let found = self.all()?;
        (self.filenames, self.kustomize) = (Vec::new(), Vec::new());
        self.sources = found;
        Ok(())
    }

    /// What was kept, with more overrides.
    pub fn changed(&self, version: KubernetesVersion, more: &[Override]) -> Result<Manifests, InputError> {
        let overrides = [self.set.set.as_slice(), more].concat();
        let namespace = self.namespace.as_deref();
        let context = Context { version, namespace, only_namespace: false, overrides: &overrides };
        manifests::read(&self.sources, context)?.accepted()
    }

    /// What overrides, those that there are and more, change of objects of what was kept: what has them is what is simulated.
    pub fn patch(
        &self,
        version: KubernetesVersion,
        more: &[Override],
        objects: &[ObjectId],
    ) -> Result<Option<Patch>, InputError> {
        let (namespace, overrides) = (self.namespace.as_deref(), [self.set.set.as_slice(), more].concat());
        let context = Context { version, namespace, only_namespace: false, overrides: &overrides };
        manifests::patch(&self.sources, context, objects)
    }

    /// What was kept, with files in place of some.
    pub fn with(&self, edited: &[Edited]) -> Self {
        let mut all = self.clone();
        for one in edited {
            all.sources.get_mut(one.source).into_iter().for_each(|source| source.text.clone_from(&one.text));
        }
        all
    }

    fn all(&self) -> anyhow::Result<Vec<Source>> {
        let mut sources = read_sources(&self.filenames, self.recursive)?;
        sources.extend(self.sources.iter().cloned());
        for directory in &self.kustomize {
            sources.push(render(directory)?);
        }
        Ok(sources)
    }

    /// Reads the manifests, and says what was passed over. Of what the API server refuses nothing is said yet.
    pub fn read(&self, version: KubernetesVersion, only_namespace: bool) -> anyhow::Result<Manifests> {
        if self.filenames.is_empty() && self.kustomize.is_empty() && self.sources.is_empty() {
            anyhow::bail!("no manifests are given: use -f FILE|DIR|-, or -k DIR for a kustomization");
        }
        let sources = self.all()?;
        let namespace = self.namespace.as_deref();
        let context = Context { version, namespace, only_namespace, overrides: &self.set.set };
        let manifests = manifests::read(&sources, context)?;
        if self.strict {
            return Ok(manifests.strict()?);
        }
        let most = if output::is_verbose() { usize::MAX } else { MOST_NOTES };
        for note in manifests.notes.iter().take(most) {
            output::complain("note", &note.to_string());
        }
        if let Some(more) = manifests.notes.len().checked_sub(most).filter(|more| *more > 0) {
            output::complain(
                "note",
                &format!("and {more} more documents that are no Kubernetes objects (-v names them)"),
            );
        }
        if output::is_verbose() {
            let files: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            let inventory = &manifests.inventory;
            let message = format!(
                "read for Kubernetes {version}: {} with {} HPAs and {} workloads",
                files.join(", "),
                inventory.hpas.len(),
                inventory.workloads.len()
            );
            output::complain("note", &message);
        }
        Ok(manifests)
    }
}

impl ManifestArgs {
    /// Reads the manifests, which the API server must accept, and says what is odd about them.
    pub fn read(
        &self,
        version: KubernetesVersion,
        replicas: Option<Replicas>,
        only_namespace: bool,
    ) -> anyhow::Result<Manifests> {
        let mut manifests = self.sources.read(version, only_namespace)?.accepted()?;
        output::warn(&manifests.oddities());
        note_unread(&manifests);
        if self.pod_requests.is_some() || self.pod_limits.is_some() {
            let amounts = |resources: &Option<Resources>| -> Amounts {
                resources.iter().flat_map(|all| &all.0).map(|(name, quantity)| (name.as_str(), *quantity)).collect()
            };
            let (requests, limits) = (amounts(&self.pod_requests), amounts(&self.pod_limits));
            let pods = StatedPods { requests, limits, replicas };
            manifests.state_pods(&pods, self.sources.namespace.as_deref(), self.hpa.as_deref())?;
        }
        Ok(manifests)
    }
}

/// Says which objects are of kinds that hpasim knows nothing of.
pub(super) fn note_unread(manifests: &Manifests) {
    let unread = &manifests.inventory.unread;
    if unread.is_empty() {
        return;
    }
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for object in unread {
        match kinds.iter_mut().find(|(kind, _)| *kind == object.item.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&object.item.kind, 1)),
        }
    }
    kinds.sort_unstable();
    let list: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
    let objects = if unread.len() == 1 { "object" } else { "objects" };
    output::complain("note", &format!("{} {objects} of other kinds left out: {}", unread.len(), list.join(", ")));
}

/// Renders a kustomization as `kubectl apply -k` does, with the first tool that is there.
fn render(directory: &Path) -> anyhow::Result<Source> {
    let tools: [(&str, &str); 2] = [("kubectl", "kustomize"), ("kustomize", "build")];
    for (program, verb) in tools {
        let run = Command::new(program).arg(verb).arg(directory).stdin(Stdio::null()).output();
        let output = match run {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other.with_context(|| format!("cannot run {program}"))?,
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said: Vec<&str> = said.lines().take(10).collect();
            anyhow::bail!("{program} {verb} {} failed: {}", directory.display(), said.join("\n"));
        }
        return Ok(Source::from_bytes(format!("-k {}", directory.display()), output.stdout)?);
    }
    anyhow::bail!(
        "neither kubectl nor kustomize is on the PATH to render {0}; render it elsewhere and pipe it in: kubectl kustomize {0} \
         | hpasim ... -f -",
        directory.display()
    )
}
