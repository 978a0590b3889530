//! Words of others, made safe to show: in a terminal, in a report, in a line of a log.

/// A text without anything that a terminal, a Markdown reader or a line-by-line reader could take for its own: control
/// characters, line breaks, bidirectional overrides and other invisible characters are escaped as Rust escapes them. What is
/// beyond `chars_max` characters is cut, and the cut shown.
pub fn printable(text: &str, chars_max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(chars_max));
    for (index, character) in text.chars().enumerate() {
        if index == chars_max {
            shown.push_str(&format!("… ({} bytes in all)", text.len()));
            break;
        }
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that show nothing and change how their neighbours are shown (Unicode, Default_Ignorable and Bidi_Control).
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_could_forge_a_line_or_move_a_cursor_is_escaped() {
        assert_eq!(printable("a\nverdict: PASSED", 80), "a\\u{a}verdict: PASSED");
        assert_eq!(printable("\x1b[2J\0\u{202e}x", 80), "\\u{1b}[2J\\u{0}\\u{202e}x");
        assert_eq!(printable("żółć 🎉", 80), "żółć 🎉");
    }

    #[test]
    fn what_is_cut_is_shown_to_be_cut() {
        assert_eq!(printable("abcdef", 3), "abc… (6 bytes in all)");
        assert_eq!(printable("abc", 3), "abc");
    }
}
