use std::path::Path;

/// The links of a document that lead nowhere: relative ones to files that are not there, and to headings that are not.
///
/// # Errors
/// Where a document cannot be read.
pub fn dead_links(document: &Path) -> std::io::Result<Vec<String>> {
    let text = std::fs::read_to_string(document)?;
    let mut dead = Vec::new();
    for link in links(&text) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
        let target = match path {
            "" => document.to_owned(),
            path => document.parent().unwrap_or(Path::new(".")).join(path),
        };
        if !target.exists() {
            dead.push(link.to_owned());
        } else if let Some(heading) = heading {
            let there = anchors(&std::fs::read_to_string(&target)?).any(|anchor| anchor == heading);
            if !there {
                dead.push(link.to_owned());
            }
        }
    }
    Ok(dead)
}

/// The targets of `[text](target)` outside fenced blocks.
fn links(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
}

/// The anchors that GitHub gives the headings of a document.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = prose(text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings.map(|heading| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}
