//! What a shell wants to know of `hpasim`: completions and man pages, made of its arguments.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::{Outcome, command, output};

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  source <(hpasim completion bash)\n  hpasim completion zsh > \"${fpath[1]}/_hpasim\"\n  \
                        hpasim completion fish > ~/.config/fish/completions/hpasim.fish\n  \
                        hpasim completion powershell | Out-String | Invoke-Expression"
)]
pub(super) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages, hpasim.1 and one for each subcommand
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hpasim man -o ~/.local/share/man/man1 && man hpasim-simulate")]
pub(super) struct ManArgs {
    /// The directory
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Prints a completion script.
pub(super) fn complete(args: &CompletionArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "hpasim", &mut script);
    // Tabs are the shells' own.
    output::print_as_it_is(&script)?;
    Ok(Outcome::Done)
}

/// Writes the man pages.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<Outcome> {
    let mut all = command();
    all.build();
    let mut files = Vec::new();
    for page in std::iter::once(&all).chain(all.get_subcommands().filter(|one| one.get_name() != "help")) {
        let name = page.get_display_name().unwrap_or(page.get_name()).to_owned();
        let mut text = Vec::new();
        clap_mangen::Man::new(page.clone()).title(name.clone()).render(&mut text)?;
        files.push((format!("{name}.1"), text));
    }
    for path in output::write_files(&args.output, files)? {
        output::complain("wrote", &path.display().to_string());
    }
    Ok(Outcome::Done)
}
