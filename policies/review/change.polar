# What is asked of a change where a source has no policies of its own.

rule("new-secret", "A secret that no workflow has read before is for the owners to see.");
warn("new-secret", change, ["reads the secret", secret, ", which no workflow has read before"]) if
    secret in change.first_secrets;

rule("new-host", "A host that no workflow has called before is for the owners to see.");
warn("new-host", change, ["calls", host, ", which no workflow has called before"]) if
    host in change.first_hosts;

rule("destroy-asks", "What may destroy something asks people first.");
warn("destroy-asks", change, ["may destroy something in step", step, "and asks nobody before"]) if
    step in change.destroys and step.is_new and not step.is_asked and not step.is_undo;

rule("approval-stays", "An approval does not go unseen.");
warn("approval-stays", change, ["no longer asks for an approval in step", step]) if
    step in change.lost_approvals;

rule("unsafe-retry", "What may do harm when it is done twice is not tried again unseen.");
warn("unsafe-retry", change, ["tries step", step, "again, which may do harm twice"]) if
    step in change.unsafe_retries and step.is_new;

rule("owner", "Every workflow has an owner.");
warn("owner", change, "has no owner: write `owners: [...]`") if
    change.is_unowned;
