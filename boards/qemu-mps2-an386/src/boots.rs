//! Counts the starts of this board, in flash.

use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};

use crate::flash::{self, HostFlash};

const COUNT: u8 = 0;

/// Counts one start and returns how many there have been, this one included.
///
/// # Errors
///
/// What the flash or its map reports. The old count is kept.
pub async fn count(flash: &mut HostFlash) -> Result<u32, sequential_storage::Error<flash::Error>> {
    let mut records = MapStorage::new(flash, const { MapConfig::new(flash::BOOTS) }, Cache::new_uncached());
    let mut buffer = [0; 32];
    let before: u32 = records.fetch_item(&mut buffer, &COUNT).await?.unwrap_or(0);
    let now = before.saturating_add(1);
    records.store_item(&mut buffer, &COUNT, &now).await?;
    Ok(now)
}
