//! Building one tool.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hourglass_environment::go::Go;

use super::{Recipe, Tool};

/// The file beside kwok with its stages.
pub(super) const STAGES: &str = "stages.yaml";
/// What kwok needs to be told of nodes and pods, in the folders of its own module.
const STAGE_FOLDERS: [&str; 3] = ["node/fast", "node/heartbeat-with-lease", "pod/fast"];

/// Builds a tool unless another process has done it meanwhile.
pub(super) fn build(recipe: &Recipe) -> Result<()> {
    let (above, name) = (recipe.above(), recipe.tool.name());
    fs::create_dir_all(above).with_context(|| above.display().to_string())?;
    // The kernel frees it however this process ends.
    let lock = File::options().create(true).append(true).open(recipe.lock())?;
    lock.lock()?;
    if recipe.file().is_file() {
        return Ok(());
    }
    let began = Instant::now();
    let (version, cold) = (&recipe.version, recipe.tool.cold_seconds());
    eprintln!("==> Building {name} {version}, once (about {cold} s on two idle cores where nothing of it is cached)");
    let go = Go::for_module(&recipe.module.join("go.mod"))?;
    let scratch = tempfile::Builder::new().prefix("building-").tempdir_in(above)?;
    let program = scratch.path().join(name);
    let program_text = program.to_str().context("the cache has a name that is no text")?;
    let package = recipe.tool.package();
    go_run(&go, recipe, &["build", "-trimpath", "-ldflags", &recipe.flags, "-o", program_text, &package])
        .with_context(|| format!("{name} does not build"))?;
    if recipe.tool == Tool::Kwok {
        let module = go_run(&go, recipe, &["list", "-m", "-f", "{{.Dir}}", recipe.tool.source().0])?;
        fs::write(scratch.path().join(STAGES), stages(Path::new(module.trim()))?)?;
    }
    fs::rename(scratch.keep(), &recipe.folder).with_context(|| recipe.folder.display().to_string())?;
    eprintln!("==> Built {name} in {} s: {}", began.elapsed().as_secs(), recipe.file().display());
    Ok(())
}

fn go_run(go: &Go, recipe: &Recipe, arguments: &[&str]) -> Result<String> {
    let mut command = go.command(&recipe.module)?;
    // No C library; no workspace of whoever has this checkout in one; nothing of the user's own flags.
    command.env("CGO_ENABLED", "0").env("GOWORK", "off").env("GOFLAGS", "-buildvcs=false");
    let output = command.args(arguments).output().context("running go")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The stages of these folders as one file.
fn stages(module: &Path) -> Result<String> {
    let mut text = String::new();
    for folder in STAGE_FOLDERS {
        let folder = module.join("kustomize/stage").join(folder);
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "yaml") && !file.ends_with("kustomization.yaml"));
        files.sort();
        ensure!(!files.is_empty(), "{}: no stages", folder.display());
        for file in files {
            text.push_str("---\n");
            text.push_str(&fs::read_to_string(&file)?);
        }
    }
    Ok(text)
}
