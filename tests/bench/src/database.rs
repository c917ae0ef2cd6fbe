//! How much of the server's embedded database is in use, read from its files: SQLite's file format says it in the header
//! of the first page, of which the newest copy may still be in the write-ahead log
//! (<https://www.sqlite.org/fileformat2.html>). The size of the files says little: the log is used again and again.

use std::path::Path;

use anyhow::Context;

/// Bytes of a database without its free pages, as of its last commit.
pub fn used_bytes(path: &Path) -> anyhow::Result<u64> {
    let log = path.with_file_name(format!(
        "{}-wal",
        path.file_name().context("the name of the database")?.to_string_lossy()
    ));
    let main = std::fs::read(path).with_context(|| path.display().to_string())?;
    let log = std::fs::read(log).unwrap_or_default();
    used(&main, &log).context("this is not a SQLite database")
}

fn used(main: &[u8], log: &[u8]) -> Option<u64> {
    let page_size = match u16::from_be_bytes(main.get(16..18)?.try_into().ok()?) {
        1 => 65_536,
        size => usize::from(size),
    };
    let (mut pages, mut free) = (word(main, 28)?, word(main, 36)?);
    // A frame counts when it has the salts of the header, and a later frame, or itself, ends its transaction.
    if let Some(salts) = log.get(16..24) {
        let mut in_transaction = None;
        for frame in log.get(32..)?.chunks_exact(24 + page_size) {
            if frame.get(8..16) != Some(salts) {
                break;
            }
            if word(frame, 0)? == 1 {
                in_transaction = Some(word(frame, 24 + 36)?);
            }
            let size = word(frame, 4)?;
            if size > 0 {
                pages = size;
                free = in_transaction.take().unwrap_or(free);
            }
        }
    }
    Some(u64::from(pages.saturating_sub(free)) * u64::try_from(page_size).ok()?)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_page(pages: u32, free: u32) -> Vec<u8> {
        let mut page = vec![0; 512];
        page[16..18].copy_from_slice(&512_u16.to_be_bytes());
        page[28..32].copy_from_slice(&pages.to_be_bytes());
        page[36..40].copy_from_slice(&free.to_be_bytes());
        page
    }

    fn frame(number: u32, size: u32, salt: u8, page: &[u8]) -> Vec<u8> {
        let mut frame = [number.to_be_bytes(), size.to_be_bytes()].concat();
        frame.extend([salt; 8]);
        frame.extend([0; 8]);
        frame.extend(page);
        frame
    }

    #[test]
    fn free_pages_are_not_in_use() {
        assert_eq!(used(&first_page(10, 3), &[]), Some(7 * 512));
        assert_eq!(used(b"short", &[]), None);
    }

    #[test]
    fn the_log_is_newer_than_the_file_up_to_its_last_commit() {
        let mut log = vec![0; 16];
        log.extend([7; 8]);
        log.extend([0; 8]);
        log.extend(frame(1, 0, 7, &first_page(20, 4)));
        log.extend(frame(12, 20, 7, &[0; 512]));
        // Not committed yet, and left over from before.
        log.extend(frame(1, 0, 7, &first_page(90, 0)));
        log.extend(frame(1, 80, 6, &first_page(80, 0)));
        assert_eq!(used(&first_page(10, 3), &log), Some(16 * 512));
    }
}
