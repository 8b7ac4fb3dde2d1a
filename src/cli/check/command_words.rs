//! The words of a command, and its placeholders.

use crate::check::unknown_placeholder;
use crate::protocol::similar;

/// The words of a command, as a shell would separate them. They may have these placeholders.
///
/// # Errors
/// When a quote is not closed, there is no word, or a placeholder is another one.
pub(super) fn words(command: &str, placeholders: &[&str]) -> Result<Vec<String>, String> {
    let words =
        shlex::split(command).ok_or("expected balanced quotes, found one that is not closed")?;
    if words.is_empty() {
        return Err("expected a command, found nothing".into());
    }
    let Some(unknown) = words.iter().find_map(|word| unknown_placeholder(word, placeholders))
    else {
        return Ok(words);
    };
    let similar = similar(unknown, placeholders.iter().copied());
    let tip = similar.map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default();
    let known = placeholders.join(", ");
    Err(format!("expected {known} as placeholders, found `{unknown}`{tip}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_placeholders() {
        let words = |command| words(command, &["{host}", "{port}"]);
        assert_eq!(
            words("python3 'my server.py' {port}").unwrap(),
            ["python3", "my server.py", "{port}"]
        );
        assert!(words("a 'b").unwrap_err().contains("balanced quotes"));
        assert!(words(" ").unwrap_err().contains("found nothing"));
        let error = words("python3 a.py {hos}:{port}").unwrap_err();
        let expected =
            "expected {host}, {port} as placeholders, found `{hos}`; did you mean `{host}`?";
        assert_eq!(error, expected);
        assert!(words("a {number}").unwrap_err().ends_with("found `{number}`"));
    }
}
