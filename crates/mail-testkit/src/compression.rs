//! DEFLATE in both directions of a connection (RFC 4978).

use std::io;

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// How much is put out at a time.
const STEP: usize = 32 * 1024;

/// The two directions, both raw DEFLATE without a header.
#[derive(Debug)]
pub(crate) struct Codec {
    deflate: Compress,
    inflate: Decompress,
    /// What came and wasn't inflated yet.
    raw: BytesMut,
    /// What is to be sent.
    deflated: BytesMut,
}

impl Codec {
    /// With what came behind the command that switched it on.
    pub(crate) fn new(early: BytesMut) -> Self {
        Self {
            deflate: Compress::new(Compression::default(), false),
            inflate: Decompress::new(false),
            raw: early,
            deflated: BytesMut::new(),
        }
    }

    /// Where to put what comes.
    pub(crate) fn raw(&mut self) -> &mut BytesMut {
        &mut self.raw
    }

    /// Appends the next octets to `buffer`; 0 if more has to come first.
    pub(crate) fn inflate(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        let mut step = vec![0; STEP];
        let (read, wrote) = (self.inflate.total_in(), self.inflate.total_out());
        self.inflate
            .decompress(&self.raw, &mut step, FlushDecompress::Sync)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        // Both differences are at most the lengths of the slices.
        self.raw.advance((self.inflate.total_in() - read) as usize);
        let count = (self.inflate.total_out() - wrote) as usize;
        buffer.extend_from_slice(&step[..count]);
        Ok(count)
    }

    /// What was deflated and is to be sent.
    pub(crate) fn deflated(&mut self) -> &mut BytesMut {
        &mut self.deflated
    }

    /// Deflates the octets; with `flush` all that the other side needs to read them comes out.
    pub(crate) fn deflate(&mut self, octets: &[u8], flush: bool) -> io::Result<()> {
        let how = if flush { FlushCompress::Sync } else { FlushCompress::None };
        let mut step = vec![0; STEP];
        let mut rest = octets;
        loop {
            let (read, wrote) = (self.deflate.total_in(), self.deflate.total_out());
            self.deflate
                .compress(rest, &mut step, how)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            rest = &rest[(self.deflate.total_in() - read) as usize..];
            let count = (self.deflate.total_out() - wrote) as usize;
            self.deflated.extend_from_slice(&step[..count]);
            // Room that is left says that nothing more waits to come out.
            if rest.is_empty() && count < STEP {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_flushed_can_be_read() {
        let (mut one, mut other) = (Codec::new(BytesMut::new()), Codec::new(BytesMut::new()));
        for content in [
            b"hello".to_vec(),
            vec![b'x'; 500_000],
            (0..200_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect(),
        ] {
            one.deflate(&content, true).unwrap();
            let wire = one.deflated().split();
            let mut read = BytesMut::new();
            for piece in wire.chunks(1000) {
                other.raw().extend_from_slice(piece);
                while other.inflate(&mut read).unwrap() > 0 {}
            }
            assert!(read == content, "{} octets", content.len());
        }
        other.raw().extend_from_slice(&[0xff; 40]);
        assert!(other.inflate(&mut BytesMut::new()).is_err());
    }
}
