//! Text in UTF-16, as SQL Server's tools write it, read as UTF-8.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use super::reading::{about_the_source, read_up_to};

const CHUNK_BYTES: usize = 1 << 16;

/// The order of the two bytes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// What a byte order mark says.
    pub(super) fn of_mark(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xfe, ..] => Some(Order::Little),
            [0xfe, 0xff, ..] => Some(Order::Big),
            _ => None,
        }
    }
}

/// Gives text in UTF-16 as UTF-8.
pub(super) struct Utf8<R> {
    input: R,
    order: Order,
    /// A first half of a pair at the end of what was read.
    half: Option<u16>,
    text: VecDeque<u8>,
    line: u64,
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(input: R, order: Order) -> Self {
        Self { input, order, half: None, text: VecDeque::new(), line: 1 }
    }

    /// Converts the next piece; false at the end.
    fn convert(&mut self) -> io::Result<bool> {
        let mut bytes = [0; CHUNK_BYTES];
        let read = read_up_to(&mut self.input, &mut bytes)?;
        if read % 2 == 1 {
            return Err(about_the_source("is UTF-16 text that ends within a character: it is cut off; export it again"));
        }
        let order = self.order;
        let units = bytes[..read].chunks_exact(2).map(|unit| match order {
            Order::Little => u16::from_le_bytes([unit[0], unit[1]]),
            Order::Big => u16::from_be_bytes([unit[0], unit[1]]),
        });
        let mut units: Vec<u16> = self.half.take().into_iter().chain(units).collect();
        if read > 0 && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            self.half = units.pop();
        }
        for character in char::decode_utf16(units) {
            let character = character.map_err(|_| {
                about_the_source(format!("is not UTF-16 text (line {}), though it begins like one; convert it to UTF-8", self.line))
            })?;
            self.line += u64::from(character == '\n');
            self.text.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(read > 0)
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A piece may be nothing but half a character.
        while self.text.is_empty() && self.convert()? {}
        self.text.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, order: Order) -> String {
        let bytes: Vec<u8> = text
            .encode_utf16()
            .flat_map(|unit| match order {
                Order::Little => unit.to_le_bytes(),
                Order::Big => unit.to_be_bytes(),
            })
            .collect();
        let mut read = String::new();
        Utf8::new(bytes.as_slice(), order).read_to_string(&mut read).expect("UTF-16");
        read
    }

    #[test]
    fn text_comes_out_as_it_went_in_wherever_it_is_cut() {
        for shift in 0..3 {
            let text = format!("{}{}", " ".repeat(shift), "aż漢😀\r\n".repeat(CHUNK_BYTES / 8));
            assert_eq!(read(&text, Order::Little), text);
            assert_eq!(read(&text, Order::Big), text);
        }
    }

    #[test]
    fn half_a_character_is_refused() {
        let fail = |bytes: &[u8]| Utf8::new(bytes, Order::Little).read_to_string(&mut String::new()).expect_err("it is broken").to_string();
        assert_eq!(fail(b"a\0b"), "is UTF-16 text that ends within a character: it is cut off; export it again");
        assert_eq!(fail(b"\n\0\x00\xd8a\0"), "is not UTF-16 text (line 2), though it begins like one; convert it to UTF-8");
        assert_eq!(fail(b"\x00\xd8"), "is not UTF-16 text (line 1), though it begins like one; convert it to UTF-8");
    }
}
