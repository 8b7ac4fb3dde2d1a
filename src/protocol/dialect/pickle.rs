//! Lists, dictionaries and strings in the format of Python's pickle module (protocol.md appendix B.3).
//!
//! The format is a program for a stack machine that can call any function. This reader knows only the
//! operations that build strings, numbers, lists and dictionaries, and refuses all others. The number of
//! values is bounded, and a value that is referred to again is a string or a number, so that a few bytes
//! cannot become a large value; all its texts together are bounded, too.

/// The most bytes of one pickle.
pub(super) const LONGEST: usize = 16 * 1024;
/// The most values in one pickle.
const MOST_VALUES: usize = 512;
/// The most bytes of all its texts together, which may be referred to several times.
const MOST_TEXT: usize = 16 * 1024;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A string, a number, or another single value, as text.
    Text(String),
    /// A list, a tuple or a set of values.
    List(Vec<Value>),
    /// Keys and values.
    Dictionary(Vec<(Value, Value)>),
}

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unreadable {
    /// More bytes are needed.
    Incomplete,
    /// It is too large, or it is no list, dictionary, string or number.
    Refused,
}

/// Whether a value of protocol 2 or later begins here. No text does so.
pub(super) fn begins(input: &[u8]) -> bool {
    input.first() == Some(&0x80)
}

/// Reads the value at the start of `input`; returns it with the number of its bytes.
pub(super) fn read(input: &[u8]) -> Result<(Value, usize), Unreadable> {
    let mut machine =
        Machine { input, at: 0, stack: Vec::new(), memo: Vec::new(), values: 0, text: 0 };
    let outcome = machine.run();
    match outcome {
        Err(Unreadable::Incomplete) if input.len() >= LONGEST => Err(Unreadable::Refused),
        _ => outcome,
    }
}

/// Appends a string, which Python 2 and 3 read.
pub(super) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(b"\x80\x02X");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text);
    out.push(b'.');
}

enum Item {
    Mark,
    Value(Value),
}

struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    stack: Vec<Item>,
    /// Strings and numbers that may be referred to again, with their keys.
    memo: Vec<(u64, Value)>,
    values: usize,
    /// Bytes of all texts.
    text: usize,
}

type Step<T> = Result<T, Unreadable>;

impl Machine<'_> {
    fn run(&mut self) -> Step<(Value, usize)> {
        loop {
            match self.byte()? {
                0x80 => drop(self.byte()?),
                0x95 => drop(self.bytes(8)?),
                b'.' => {
                    return match (self.stack.pop(), self.stack.is_empty()) {
                        (Some(Item::Value(value)), true) => Ok((value, self.at)),
                        _ => Err(Unreadable::Refused),
                    };
                }
                b'(' => self.stack.push(Item::Mark),
                b']' | b')' => self.push(Value::List(Vec::new()))?,
                b'}' => self.push(Value::Dictionary(Vec::new()))?,
                b'l' | b't' => {
                    let items = self.take_to_mark()?;
                    self.push(Value::List(items))?;
                }
                b'd' => {
                    let items = self.take_to_mark()?;
                    self.push(Value::Dictionary(pairs(items)?))?;
                }
                tuple @ 0x85..=0x87 => {
                    let mut items = Vec::new();
                    for _ in 0x85..=tuple {
                        items.insert(0, self.pop()?);
                    }
                    self.push(Value::List(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend_list(vec![item])?;
                }
                b'e' => {
                    let items = self.take_to_mark()?;
                    self.extend_list(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.extend_dictionary(vec![(key, value)])?;
                }
                b'u' => {
                    let items = self.take_to_mark()?;
                    self.extend_dictionary(pairs(items)?)?;
                }
                b'p' | b'q' | b'r' | 0x94 => self.remember()?,
                b'g' | b'h' | b'j' => self.recall()?,
                operation => {
                    let text = self.scalar(operation)?;
                    self.push(Value::Text(text))?;
                }
            }
        }
    }

    /// Reads a string, a number, or another single value.
    fn scalar(&mut self, operation: u8) -> Step<String> {
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable::Refused);
        match operation {
            b'N' => Ok("None".into()),
            0x88 => Ok("True".into()),
            0x89 => Ok("False".into()),
            b'S' => {
                let line = text(self.line()?)?;
                let quoted = line.strip_prefix(['\'', '"']);
                let inner = quoted.and_then(|inner| inner.strip_suffix(['\'', '"']));
                inner.map(unescape).ok_or(Unreadable::Refused)
            }
            b'V' => text(self.line()?).map(|line| unescape(&line)),
            b'I' | b'L' | b'F' => Ok(text(self.line()?)?.trim_end_matches('L').into()),
            b'K' => Ok(self.byte()?.to_string()),
            b'M' => Ok(self.number(2)?.to_string()),
            b'J' => {
                let low = u32::try_from(self.number(4)?).unwrap_or_default();
                Ok(low.cast_signed().to_string())
            }
            b'U' | b'C' | 0x8c => {
                let length = self.number(1)?;
                text(self.string(length)?)
            }
            b'T' | b'X' | b'B' => {
                let length = self.number(4)?;
                text(self.string(length)?)
            }
            0x8d | 0x8e => {
                let length = self.number(8)?;
                text(self.string(length)?)
            }
            // All others, and above all those that call functions.
            _ => Err(Unreadable::Refused),
        }
    }

    fn remember(&mut self) -> Step<()> {
        let next = u64::try_from(self.memo.len()).unwrap_or(u64::MAX);
        let key = self.key(next)?;
        let value = match self.stack.last() {
            Some(Item::Value(value @ Value::Text(_))) => value.clone(),
            // A reference to a list could make it large, or part of itself.
            Some(Item::Value(_)) => Value::List(Vec::new()),
            Some(Item::Mark) | None => return Err(Unreadable::Refused),
        };
        self.count(&value)?;
        self.memo.push((key, value));
        Ok(())
    }

    fn recall(&mut self) -> Step<()> {
        let key = self.key(0)?;
        match self.memo.iter().rev().find(|(known, _)| *known == key) {
            Some((_, value @ Value::Text(_))) => self.push(value.clone()),
            _ => Err(Unreadable::Refused),
        }
    }

    /// The key of the operation that was just read.
    fn key(&mut self, next: u64) -> Step<u64> {
        let operation = self.at.checked_sub(1).and_then(|at| self.input.get(at));
        match operation {
            Some(b'p' | b'g') => {
                let line = std::str::from_utf8(self.line()?).map_err(|_| Unreadable::Refused)?;
                line.parse().map_err(|_| Unreadable::Refused)
            }
            Some(b'q' | b'h') => self.number(1),
            Some(b'r' | b'j') => self.number(4),
            _ => Ok(next),
        }
    }

    fn extend_list(&mut self, items: Vec<Value>) -> Step<()> {
        match self.stack.last_mut() {
            Some(Item::Value(Value::List(list))) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(Unreadable::Refused),
        }
    }

    fn extend_dictionary(&mut self, pairs: Vec<(Value, Value)>) -> Step<()> {
        match self.stack.last_mut() {
            Some(Item::Value(Value::Dictionary(dictionary))) => {
                dictionary.extend(pairs);
                Ok(())
            }
            _ => Err(Unreadable::Refused),
        }
    }

    fn push(&mut self, value: Value) -> Step<()> {
        self.count(&value)?;
        self.stack.push(Item::Value(value));
        Ok(())
    }

    fn count(&mut self, value: &Value) -> Step<()> {
        self.values += 1;
        if let Value::Text(text) = value {
            self.text += text.len();
        }
        let is_bounded = self.values <= MOST_VALUES && self.text <= MOST_TEXT;
        if is_bounded { Ok(()) } else { Err(Unreadable::Refused) }
    }

    fn pop(&mut self) -> Step<Value> {
        match self.stack.pop() {
            Some(Item::Value(value)) => Ok(value),
            Some(Item::Mark) | None => Err(Unreadable::Refused),
        }
    }

    /// The values above the last mark.
    fn take_to_mark(&mut self) -> Step<Vec<Value>> {
        let mut items = Vec::new();
        loop {
            match self.stack.pop() {
                Some(Item::Value(value)) => items.push(value),
                Some(Item::Mark) => break,
                None => return Err(Unreadable::Refused),
            }
        }
        items.reverse();
        Ok(items)
    }

    fn byte(&mut self) -> Step<u8> {
        let byte = self.input.get(self.at).copied().ok_or(Unreadable::Incomplete)?;
        self.at += 1;
        if self.at > LONGEST { Err(Unreadable::Refused) } else { Ok(byte) }
    }

    fn bytes(&mut self, count: usize) -> Step<&[u8]> {
        let end = self.at.saturating_add(count);
        if end > LONGEST {
            return Err(Unreadable::Refused);
        }
        let bytes = self.input.get(self.at..end).ok_or(Unreadable::Incomplete)?;
        self.at = end;
        Ok(bytes)
    }

    fn string(&mut self, length: u64) -> Step<&[u8]> {
        self.bytes(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// An unsigned number of this many bytes, the lowest first.
    fn number(&mut self, count: usize) -> Step<u64> {
        let bytes = self.bytes(count)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The bytes up to the next line feed, which is taken, too.
    fn line(&mut self) -> Step<&[u8]> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or(Unreadable::Incomplete)?;
        let line = self.bytes(length + 1)?;
        Ok(line.strip_suffix(b"\n").unwrap_or(line))
    }
}

fn pairs(items: Vec<Value>) -> Step<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    let mut items = items.into_iter();
    while let Some(key) = items.next() {
        pairs.push((key, items.next().ok_or(Unreadable::Refused)?));
    }
    Ok(pairs)
}

/// Replaces the escapes that a text of several lines has.
fn unescape(text: &str) -> String {
    let escapes =
        [("\\r", "\r"), ("\\n", "\n"), ("\\u000d", "\r"), ("\\u000a", "\n"), ("\\\\", "\\")];
    escapes.iter().fold(text.to_string(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests;
