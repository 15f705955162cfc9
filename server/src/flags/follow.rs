//! Takes in what other processes flip.

use crate::live::Topic;
use crate::service::Service;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A notice can be lost; then a flip by another process is seen this much later at most.
const LOOK: Duration = Duration::from_secs(1);

/// Works until the shutdown. Has nothing to do where no other process can write.
pub async fn follow(service: Service, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = look(&service) => {}
    }
}

async fn look(service: &Service) {
    let Some(mut notices) = service.store.listen().await else { return };
    let mut lost = false;
    loop {
        match service.flags.refresh(service.store.as_ref()).await {
            Ok(changed) => {
                lost = false;
                if changed {
                    service.bus.touched(Topic::Flags);
                }
            }
            // Told once: the flags stay as they were last seen.
            Err(error) if !lost => {
                lost = true;
                tracing::warn!(%error, "flags cannot be read; those last seen stay in force");
            }
            Err(_) => {}
        }
        // Whether by notice or by time: look again.
        if let Ok(Err(_gone)) = tokio::time::timeout(LOOK, notices.changed()).await {
            tokio::time::sleep(LOOK).await;
        }
    }
}
