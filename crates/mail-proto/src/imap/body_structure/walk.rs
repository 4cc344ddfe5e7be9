//! Going through a structure: the parts of one, and all of them with their numbers.

use super::BodyStructure;

/// The parts of a multipart, in order.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    of: BodyStructure<'a>,
    next: u32,
    end: u32,
}

/// A part and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedPart<'a> {
    /// The number by which FETCH takes it: `[1, 2]` for `BODY[1.2]`. It is empty for a message whose structure is a
    /// multipart. A multipart that is the whole of a message within has the number of that message's part.
    pub number: Vec<u32>,
    /// The part.
    pub structure: BodyStructure<'a>,
}

/// All parts of a structure, each before the parts within it.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    open: Vec<Level<'a>>,
    number: Vec<u32>,
}

/// Parts that are still to come.
#[derive(Clone, Debug)]
struct Level<'a> {
    parts: Children<'a>,
    /// Whether they are counted, as those of a multipart are; else there is one, the structure of a message.
    counted: bool,
}

impl<'a> Children<'a> {
    #[inline]
    pub(super) fn new(of: BodyStructure<'a>, next: u32, end: u32) -> Self {
        Self { of, next, end }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = BodyStructure<'a>;

    #[inline]
    fn next(&mut self) -> Option<BodyStructure<'a>> {
        if self.next >= self.end {
            return None;
        }
        let child = self.of.part(self.next);
        self.next = child.end();
        Some(child)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(of: BodyStructure<'a>) -> Self {
        let parts = Children::new(of, of.at as u32, of.end());
        Self { open: vec![Level { parts, counted: false }], number: Vec::new() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = NumberedPart<'a>;

    fn next(&mut self) -> Option<NumberedPart<'a>> {
        let (structure, counted) = loop {
            let level = self.open.last_mut()?;
            match level.parts.next() {
                Some(part) => break (part, level.counted),
                None => {
                    if level.counted {
                        self.number.pop();
                    }
                    self.open.pop();
                }
            }
        };
        if counted {
            if let Some(last) = self.number.last_mut() {
                *last += 1;
            }
        } else if !structure.is_multipart() {
            // A message that is a single part is its own first part. Nothing is counted beside it.
            self.number.push(1);
            self.open.push(Level { parts: Children::new(structure, 0, 0), counted: true });
        }
        let number = self.number.clone();
        if structure.is_multipart() {
            self.number.push(0);
            self.open.push(Level { parts: structure.children(), counted: true });
        } else if let Some(message) = structure.message() {
            let parts = Children::new(message, message.at as u32, message.end());
            self.open.push(Level { parts, counted: false });
        }
        Some(NumberedPart { number, structure })
    }
}
