"""The management roles that Exchange brings, by name: what a role of another name holds, no export of assignments shows."""

from __future__ import annotations

__all__ = ["BUILT_IN_ROLES"]

BUILT_IN_ROLES = frozenset(
    {
        "active directory permissions", "address lists", "applicationimpersonation", "archiveapplication", "audit logs",
        "cmdlet extension agents", "communication compliance admin", "communication compliance investigation",
        "compliance admin", "data loss prevention", "database availability groups", "database copies", "databases",
        "disaster recovery", "distribution groups", "e-mail address policies", "edge subscriptions",
        "exchange connectors", "exchange server certificates", "exchange servers", "exchange virtual directories",
        "exchangecrossserviceintegration", "federated sharing", "information protection admin",
        "information rights management", "insider risk management admin", "journaling", "legal hold",
        "legalholdapplication", "mail enabled public folders", "mail recipient creation", "mail recipients", "mail tips",
        "mailbox import export", "mailbox search", "mailboxsearchapplication", "message tracking", "migration",
        "monitoring", "move mailboxes", "my custom apps", "my marketplace apps", "my readwritemailbox apps",
        "mybaseoptions", "mycontactinformation", "mydistributiongroupmembership", "mydistributiongroups",
        "mymailboxdelegation", "mymailsubscriptions", "myprofileinformation", "myretentionpolicies", "myteammailboxes",
        "mytextmessaging", "myvoicemail", "o365supportviewconfig", "officeextensionapplication", "org custom apps",
        "org marketplace apps", "organization client access", "organization configuration",
        "organization transport settings", "pop3 and imap4 protocols", "public folder replication", "public folders",
        "quarantine", "receive connectors", "recipient policies", "remote and accepted domains", "reset password",
        "retention management", "role management", "security admin", "security group creation and membership",
        "security reader", "send connectors", "sensitivity label administrator", "support diagnostics", "supervision",
        "team mailboxes", "teammailboxlifecycleapplication", "transport agents", "transport hygiene", "transport queues",
        "transport rules", "um mailboxes", "um prompts", "unified messaging", "unscoped role management", "user options",
        "userapplication", "view-only audit logs", "view-only configuration", "view-only recipients",
        "workloadmanagement",
    }
)  # fmt: skip
"""In lower case; those that a user has over his own mailbox, and those of Exchange Online, among them."""
