//! Rules about whether the API server takes the objects.

use super::{Complaint, Context, Hit};

fn hits(complaints: &[Complaint]) -> Vec<Hit> {
    let hit = |complaint: &Complaint| Hit {
        location: complaint.location.clone(),
        path: complaint.path.clone(),
        message: complaint.message.clone(),
    };
    complaints.iter().map(hit).collect()
}

pub(super) fn refused(context: &Context<'_>) -> Vec<Hit> {
    hits(&context.refused)
}

pub(super) fn removed_api_version(context: &Context<'_>) -> Vec<Hit> {
    hits(&context.removed)
}

pub(super) fn odd_field(context: &Context<'_>) -> Vec<Hit> {
    hits(&context.odd)
}

pub(super) fn duplicate_object(context: &Context<'_>) -> Vec<Hit> {
    let duplicates = context.inventory.duplicates.iter();
    duplicates
        .map(|duplicate| {
            let id = &duplicate.object.item;
            let message = format!("{id} is also at {}; this one counts", duplicate.earlier);
            Hit::new(&duplicate.object.origin, "metadata.name", message)
        })
        .collect()
}
