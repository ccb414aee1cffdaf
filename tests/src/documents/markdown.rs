use std::time::Duration;

use thiserror::Error;

/// How long a block may take where it does not say.
const DEADLINE: Duration = Duration::from_secs(120);

/// A block that is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name, or its line.
    pub name: String,
    /// The line of its fence, from 1.
    pub line: usize,
    /// How long each of its steps may take.
    pub deadline: Duration,
    /// What to execute, in order.
    pub steps: Vec<Step>,
}

/// A piece of shell and what it must print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Bash.
    pub script: String,
    /// What it must print.
    pub output: Comparison,
}

/// What is asked of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Nothing.
    Any,
    /// These lines, with wildcards.
    Lines(String),
}

/// A document that does not say what becomes of a block, or says it wrongly.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct DocumentError {
    /// From 1.
    pub line: usize,
    /// What is wrong and how to mend it.
    pub problem: String,
}

enum Comment {
    Run { name: Option<String>, deadline: Duration },
    NotRun,
    Output,
}

/// The blocks of a document that are executed.
///
/// # Errors
/// Every block that does not say what becomes of it.
pub fn parse(text: &str) -> Result<Vec<Block>, Vec<DocumentError>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut errors = Vec::new();
    let mut comment: Option<(usize, Comment)> = None;
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    while let Some((line, content)) = lines.next() {
        let mut fail = |line, problem: &str| errors.push(DocumentError { line, problem: problem.into() });
        let trimmed = content.trim();
        if let Some(said) = trimmed.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")) {
            match read_comment(said.trim()) {
                Ok(Some(read)) => comment = Some((line, read)),
                Ok(None) => {}
                Err(problem) => fail(line, &problem),
            }
            continue;
        }
        let Some((fence, language)) = opening(trimmed) else {
            if !trimmed.is_empty()
                && let Some((line, _)) = comment.take()
            {
                fail(line, "the comment stands before no block: move it right above the fence");
            }
            continue;
        };
        let indent = content.len() - content.trim_start().len();
        let mut body = String::new();
        let closed = lines.by_ref().any(|(_, inner)| {
            let closes = inner.trim().starts_with(fence) && inner.trim().trim_matches('`').is_empty();
            if !closes {
                body.push_str(
                    inner.get(indent..).filter(|_| inner[..indent.min(inner.len())].trim().is_empty()).unwrap_or(inner),
                );
                body.push('\n');
            }
            closes
        });
        if !closed {
            fail(line, "the block is never closed");
        }
        let shell = matches!(language, "bash" | "sh" | "shell" | "console");
        match (comment.take(), shell) {
            (Some((_, Comment::Run { name, deadline })), true) => {
                let name = name.unwrap_or_else(|| format!("line {line}"));
                match steps(language, &body) {
                    Ok(steps) => blocks.push(Block { name, line, deadline, steps }),
                    Err(problem) => fail(line, problem),
                }
            }
            (Some((_, Comment::Run { .. })), false) => fail(line, "only a bash or console block can be run"),
            (Some((_, Comment::Output)), _) => match blocks.last_mut().and_then(|block| block.steps.last_mut()) {
                Some(step) => step.output = Comparison::Lines(body),
                None => fail(line, "there is no block before whose output this could be"),
            },
            (Some((_, Comment::NotRun)), _) | (None, false) => {}
            (None, true) => {
                fail(line, "say what becomes of this block: put <!-- run --> or <!-- not run: reason --> above it");
            }
        }
    }
    if errors.is_empty() { Ok(blocks) } else { Err(errors) }
}

/// The fence and the language of a line that opens a block.
fn opening(line: &str) -> Option<(&str, &str)> {
    let ticks = line.len() - line.trim_start_matches('`').len();
    let (fence, rest) = line.split_at_checked(ticks).filter(|_| ticks >= 3)?;
    Some((fence, rest.split_whitespace().next().unwrap_or_default()))
}

fn read_comment(said: &str) -> Result<Option<Comment>, String> {
    let (word, rest) = said.split_once(':').map_or((said, ""), |(word, rest)| (word.trim(), rest.trim()));
    match word {
        "output" => Ok(Some(Comment::Output)),
        "not run" if rest.is_empty() => Err("say why: <!-- not run: reason -->".into()),
        "not run" => Ok(Some(Comment::NotRun)),
        "run" => {
            let (name, within) = rest.rsplit_once(", within ").map_or((rest, None), |(name, time)| (name, Some(time)));
            let deadline = match within {
                None => DEADLINE,
                Some(time) => {
                    let seconds = time.strip_suffix(" s").and_then(|number| number.parse().ok());
                    Duration::from_secs(seconds.ok_or("write the time as: within 300 s")?)
                }
            };
            Ok(Some(Comment::Run { name: (!name.is_empty()).then(|| name.to_owned()), deadline }))
        }
        _ => Ok(None),
    }
}

fn steps(language: &str, body: &str) -> Result<Vec<Step>, &'static str> {
    if language != "console" {
        return Ok(vec![Step { script: body.to_owned(), output: Comparison::Any }]);
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for line in body.lines() {
        if continued && let Some(step) = steps.last_mut() {
            step.script.push_str(line.strip_prefix("> ").unwrap_or(line));
            step.script.push('\n');
            continued = line.ends_with('\\');
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { script: format!("{command}\n"), output: Comparison::Any });
            continued = command.ends_with('\\');
        } else {
            let step = steps.last_mut().ok_or("a console block begins with a line that begins with '$ '")?;
            match &mut step.output {
                Comparison::Any => step.output = Comparison::Lines(format!("{line}\n")),
                Comparison::Lines(lines) => lines.extend([line, "\n"]),
            }
        }
    }
    if steps.is_empty() { Err("a console block without a line that begins with '$ '") } else { Ok(steps) }
}
