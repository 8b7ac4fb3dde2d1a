//! Which bytes of documents are recorded.

use super::Side;

/// Bytes of a head: longer ones are refused, so what follows is no head.
const HEAD: usize = 16 * 1024;

/// Cuts documents off.
///
/// Only connections whose first request is a GET have documents. What one side sends there without bytes of
/// the other side in between is one message: a head up to its empty line, and a document.
#[derive(Debug)]
pub(super) struct Shortening {
    has_documents: Option<bool>,
    side: Side,
    /// Bytes of the head; `None` after its end.
    head: Option<usize>,
    /// Bytes of a document that are recorded, and how many are left of this one.
    body: usize,
    left: usize,
}

impl Shortening {
    /// Cuts documents off after this number of bytes.
    pub(super) fn new(body: usize) -> Self {
        Self { has_documents: None, side: Side::Client, head: Some(0), body, left: body }
    }

    /// A side sends this number of bytes, which begin with `bytes`. Returns how many of `bytes` are recorded.
    pub(super) fn next(&mut self, side: Side, bytes: &[u8], count: usize) -> usize {
        let is_get = || side == Side::Client && bytes.trim_ascii_start().starts_with(b"GET ");
        if !*self.has_documents.get_or_insert_with(is_get) {
            return bytes.len();
        }
        if side != self.side {
            (self.side, self.head, self.left) = (side, Some(0), self.body);
        }
        let head = match self.head {
            None => 0,
            Some(before) => {
                let end = end_of_head(bytes);
                let head = end.unwrap_or(count);
                self.head = Some(before + head).filter(|head| end.is_none() && *head <= HEAD);
                head
            }
        };
        let body = self.left.min(count - head);
        self.left -= body;
        (head + body).min(bytes.len())
    }

    /// How many bytes of a side would be recorded now.
    pub(super) fn room(&self, side: Side) -> usize {
        match (self.has_documents, self.head) {
            (Some(true), None) if side == self.side => self.left,
            _ => usize::MAX,
        }
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let find = |end: &[u8]| bytes.windows(end.len()).position(|window| window == end);
    let ends = [find(b"\n\r\n").map(|at| at + 3), find(b"\n\n").map(|at| at + 2)];
    ends.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: usize = 64 * 1024;

    #[test]
    fn documents_are_cut_and_nothing_else() {
        let mut one = Shortening::new(BODY);
        assert_eq!(one.next(Side::Client, b"GET RFC 1 P2P-CI/1.0\r\n\r\n", 24), 24);
        let head = b"P2P-CI/1.0 200 OK\r\n\r\n";
        assert_eq!(one.next(Side::Server, head, head.len()), head.len());
        let body = [0; 60_000];
        assert_eq!(one.next(Side::Server, &body, body.len()), body.len());
        assert_eq!(one.next(Side::Server, &body, body.len()), BODY - body.len());
        assert_eq!(one.room(Side::Server), 0);
        assert_eq!(one.next(Side::Server, &[], 60_000), 0);
        // The next reply.
        assert_eq!(one.next(Side::Client, b"GET RFC 2 P2P-CI/1.0\r\n\r\n", 24), 24);
        let both = [&head[..], &body].concat();
        assert_eq!(one.next(Side::Server, &both, both.len()), both.len());
        for mut other in [Shortening::new(usize::MAX), Shortening::new(BODY)] {
            other.next(Side::Client, b"LIST ALL P2P-CI/1.0\r\n\r\n", 23);
            for _ in 0..9 {
                assert_eq!(other.next(Side::Server, &body, body.len()), body.len());
            }
        }
    }
}
