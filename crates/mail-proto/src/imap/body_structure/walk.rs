//! Going through a structure: the parts of one, and all of them with their numbers.

use super::{BodyStructure, Content};

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
    of: BodyStructure<'a>,
    next: u32,
    end: u32,
    /// The parts that the next one lies in: where each ends, whether it is a multipart, and its number.
    open: Vec<(u32, bool)>,
    number: Vec<u32>,
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
        self.next = child.node().end;
        Some(child)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(of: BodyStructure<'a>) -> Self {
        Self { of, next: of.at, end: of.node().end, open: Vec::new(), number: Vec::new() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = NumberedPart<'a>;

    fn next(&mut self) -> Option<NumberedPart<'a>> {
        if self.next >= self.end {
            return None;
        }
        let at = self.next;
        self.next += 1;
        while let Some((end, numbers)) = self.open.last()
            && at >= *end
        {
            if *numbers {
                self.number.pop();
            }
            self.open.pop();
        }
        let structure = self.of.part(at);
        let node = structure.node();
        let multipart = node.content == Content::Multipart;
        // Within a multipart parts are counted; a message that is a single part is its own first part.
        match self.open.last() {
            Some((_, true)) => {
                if let Some(last) = self.number.last_mut() {
                    *last += 1;
                }
            }
            _ if !multipart => {
                self.number.push(1);
                self.open.push((node.end, true));
            }
            _ => {}
        }
        let number = self.number.clone();
        match node.content {
            Content::Multipart => {
                self.number.push(0);
                self.open.push((node.end, true));
            }
            Content::Message(_) => self.open.push((node.end, false)),
            Content::Single => {}
        }
        Some(NumberedPart { number, structure })
    }
}
