# What a change of workflows needs before it may go to production.

rule("first-secret", "A secret that is read for the first time is for its team to see.");
approval("first-secret", change, "acme/security", ["reads the secret", secret]) if
    is_production(change) and secret in change.first_secrets;

rule("destroy-asks", "What may destroy something asks people first, or the platform team.");
approval("destroy-asks", change, "acme/platform", ["may destroy something in step", step]) if
    is_production(change) and
    step in change.destroys and
    step.is_new and not step.is_asked and not step.is_undo;

rule("approval-stays", "Nobody drops an approval from production.");
deny("approval-stays", change, ["no longer asks for an approval in step", step]) if
    is_production(change) and step in change.lost_approvals;

rule("unsafe-retry", "What may do harm when it is done twice is not tried again unseen.");
warn("unsafe-retry", change, ["tries step", step, "up to", step.attempts, "times"]) if
    step in change.unsafe_retries and step.is_new;

rule("known-hosts", "Strangers call hosts of ours, and no others.");
deny("known-hosts", change, ["calls", host, ", and", change.author, "is none of us"]) if
    change.is_fork and not "acme/staff" in change.author_teams and
    host in change.new_hosts and not host.endswith(".acme.example");

rule("worst-case", "A workflow does not become ten times as dear unseen.");
warn("worst-case", change, ["makes up to", change.worst_calls, "calls,",
                            "before", change.worst_calls_before]) if
    change.kind = "changed" and change.worst_calls > 10 * change.worst_calls_before;

rule("owners-approve", "Who owns a file of production by CODEOWNERS approves what it becomes.");
approval("owners-approve", change, group, ["its file is of", group]) if
    is_production(change) and group in change.owner_groups;

whole_rule("few-removals", "Many workflows at once are removed by the platform team alone.");
approval("few-removals", whole, "acme/platform", ["removes", whole.count_removed, "workflows"]) if
    whole.count_removed > 5;

whole_rule("policies-change", "Policies are changed by the security team alone.");
approval("policies-change", whole, "acme/security", ["changes", file]) if
    file in whole.policies;

is_production(change) if
    change.environment = "production";
