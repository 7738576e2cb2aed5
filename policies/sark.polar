# Every action is denied unless a rule allows it. Facts are dictionaries of plain values.

# An administrator's token opens everything that is done over the API.
allow(actor, _action, _resource) if
    actor.kind = "token" and "admin" in actor.roles;

# A viewer's token reads.
allow(actor, action, _resource) if
    actor.kind = "token" and "viewer" in actor.roles and reads(action);

# An approver's token reads, too, and decides where a run asks for it by its name or group.
allow(actor, action, _resource) if
    actor.kind = "token" and "approver" in actor.roles and reads(action);
allow(actor, "approval.decide", _resource) if
    actor.kind = "token" and "approver" in actor.roles;

reads("run.read");
reads("workflow.read");
reads("source.read");
reads("commit.read");
reads("event.read");
reads("decision.read");

# A verified webhook starts workflows of the namespace that its route is bound to, no other.
allow(actor, "run.start", resource) if
    actor.kind = "webhook" and actor.namespace = resource.namespace;

# So does the clock, by which files are looked at, too: each trigger that it sets off is of a namespace.
allow(actor, "run.start", resource) if
    actor.kind = "clock" and actor.namespace = resource.namespace;

# A source defines, changes and removes workflows of its own namespace. A rule may also look at the
# resource's `environment`, and at its `effect`: what the workflow does to the world at most, pure,
# read, write or destructive, or "remove" where it goes.
allow(actor, "workflow.define", resource) if
    actor.kind = "source" and actor.namespace = resource.namespace;

# A run calls operations in its own namespace.
allow(actor, "step.invoke", resource) if
    actor.kind = "run" and actor.namespace = resource.namespace;
