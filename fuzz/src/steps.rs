//! An input as a list of steps, and ways to cut one.

/// The bytes of an input that says what happens, step by step.
pub(crate) struct Steps<'a>(pub(crate) &'a [u8]);

impl<'a> Steps<'a> {
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// So many bytes, or what there is.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A piece with its length before it, in two bytes.
    pub(crate) fn piece(&mut self) -> &'a [u8] {
        let len = self.take(2).iter().rev().fold(0, |len, byte| len << 8 | usize::from(*byte));
        self.take(len)
    }
}

/// A piece as [`Steps::piece`] takes it.
pub(crate) fn piece(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes()[..], bytes].concat()
}

/// Runs `read` on the input cut in several ways: byte by byte, and in two and three at places that follow from the
/// input itself. `check` is told how, and compares the outcome with that of the whole.
pub(crate) fn however_split<T>(input: &[u8], mut read: impl FnMut(&[&[u8]]) -> T, check: impl Fn(T, &str)) {
    let singly: Vec<&[u8]> = input.chunks(1).collect();
    check(read(&singly), "byte by byte");
    // FNV-1a.
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let places = input.len() as u64 + 1;
    let [first, second] = [hash % places, hash / places % places].map(|place| place as usize);
    let (first, second) = (first.min(second), first.max(second));
    check(read(&[&input[..first], &input[first..]]), &format!("split at {first}"));
    let pieces = [&input[..first], &input[first..second], &input[second..]];
    check(read(&pieces), &format!("split at {first} and {second}"));
}
