"""Who may call what, as it was decided; `test_roles.py` holds every route against it."""

from __future__ import annotations

from governance.vocabulary import Role

DPO, MARKETING, DESK = Role.DPO, Role.MARKETING, Role.DESK
STEWARD, ADMIN, AUDITOR = Role.STEWARD, Role.ADMIN, Role.AUDITOR
TABLE: tuple[tuple[tuple[Role, ...], str], ...] = (
    (
        (
            DPO,
            MARKETING,
            DESK,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ~/schemes/{scheme}/versions
        GET ~/schemes
        GET ~/schemes/{scheme}
        GET ~/jobs/{job}
        GET ~/schemes/{scheme}/segments/{segment}
        GET ~/schemes/{scheme}/compare
        GET ~/schemes/{scheme}/migration
        GET ~/schemes/{scheme}/history
        GET ~/schemes/{scheme}/schedule
        GET ~/templates
        GET ~/templates/{key}
        GET ~/log/checkpoint
        POST ~/proofs/verification
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            DESK,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ./segments/{name}/versions
        GET ./segments/{name}/versions/{number:int}
        GET ./segments
        GET ./segments/{name}
        GET ./segments/{scheme}/compare
        GET ./segments/{scheme}/migration
        GET ./segments/{scheme}/history
        GET ./segments/{scheme}/{key}
    """,
    ),
    (
        (
            DPO,
            DESK,
        ),
        """
        POST ~/decisions
        POST ~/schemes/{scheme}/explanations
        POST ~/schemes/{scheme}/proofs
        POST ~/preferences/find
        GET ~/preferences/{handle}
        GET ~/preferences/{handle}/receipts
        GET ~/preferences/{handle}/receipts/{seq}
        POST ~/preferences/{handle}/receipts/{seq}/proof
    """,
    ),
    (
        (
            DPO,
            DESK,
        ),
        """
        GET ./person
        POST ./person
        GET ./person/{handle}
        GET ./person/{handle}/-/state
        GET ./person/{handle}/{scheme}
        POST ./person/{handle}/{scheme}/proof
        POST ./person/{handle}/{scheme}/replay
        GET ./corrections
    """,
    ),
    (
        (MARKETING,),
        """
        POST ~/schemes/preview
        POST ~/schemes/{scheme}/activation
        DELETE ~/schemes/{scheme}/activation/request
        DELETE ~/schemes/{scheme}/activation
        POST ~/schemes
        POST ~/schemes/{scheme}/segments/{segment}/notes
        POST ~/prices
        POST ~/prices/{name}/activation
        POST ~/exports
        POST ~/exports/{number}/build
        POST ~/exports/{number}/download
    """,
    ),
    (
        (MARKETING,),
        """
        GET ./segments/new
        GET ./field-templates
        GET ./segments/{name}/edit
        POST ./segments/new
        POST ./segments/{name}/edit
        POST ./segments/{name}/versions/{number:int}/activate
        POST ./segments/{name}/versions/withdraw
        POST ./segments/{name}/versions/deactivate
        POST ./segments/{scheme}/{key}/notes
        POST ./prices/{name}/activate
        GET ./exports/new
        POST ./exports/new
        POST ./exports/{number:int}/build
        POST ./exports/{number:int}/fetch
    """,
    ),
    (
        (DPO,),
        """
        POST ~/schemes/{scheme}/activation/decision
        POST ~/exports/{number}/approval
        POST ~/exports/{number}/refusal
    """,
    ),
    (
        (DPO,),
        """
        POST ./segments/{name}/versions/{number:int}/decide
        POST ./person/{handle}/-/bundle
        POST ./exports/{number:int}/approve
        POST ./exports/{number:int}/decline
        POST ./compliance/acknowledge
    """,
    ),
    (
        (
            MARKETING,
            STEWARD,
        ),
        """
        POST ~/schemes/{scheme}/runs
        PUT ~/schemes/{scheme}/schedule
    """,
    ),
    (
        (
            MARKETING,
            STEWARD,
        ),
        """
        POST ./segments/{name}/schedule
        POST ./segments/{name}/run
    """,
    ),
    (
        (
            DPO,
            AUDITOR,
        ),
        """
        GET ~/schemes/{scheme}/check
        GET ~/log/entries
        GET ~/log/entries/{index}
        POST ~/log/verification
        GET ~/records/processing
        GET ~/records/processing/changes
        GET ~/records/ai
        GET ~/schemes/{scheme}/evidence
        GET ~/schemes/{scheme}/impact
    """,
    ),
    (
        (
            DPO,
            AUDITOR,
        ),
        """
        GET ./compliance
        POST ./compliance/seen
        GET ./log
        POST ./log/views
        POST ./log/views/{number:int}/drop
        GET ./log/{index:int}
        GET ./records
        GET ./records/{kind}
        GET ./records/{kind}/file.{form}
        GET ./records/{kind}/{scheme}
        GET ./records/{kind}/{scheme}/file.{form}
    """,
    ),
    (
        (DESK,),
        """
        POST ~/schemes/{scheme}/corrections
        POST ~/schemes/{scheme}/corrections/lift
        PATCH ~/preferences/{handle}
        POST ~/preferences/{handle}/link
        POST ~/confirmations
    """,
    ),
    (
        (DESK,),
        """
        GET ./letters
        POST ./person/{handle}/letter
        POST ./person/{handle}/{scheme}/correct
        POST ./person/{handle}/{scheme}/lift
    """,
    ),
    (
        (STEWARD,),
        """
        POST ~/imports/{kind}
        POST ~/webhooks
        DELETE ~/webhooks/{number}
        POST ~/webhooks/{number}/redelivery
    """,
    ),
    (
        (STEWARD,),
        """
        GET ./imports
        POST ./imports
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            AUDITOR,
        ),
        """
        GET ~/prices
        GET ~/prices/{name}
        GET ~/exports
        GET ~/exports/{number}
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            AUDITOR,
        ),
        """
        GET ./prices
        GET ./prices/{name}
        GET ./exports
        GET ./exports/{number:int}
    """,
    ),
    (
        (
            DPO,
            MARKETING,
        ),
        """
        POST ~/prices/{name}/check
    """,
    ),
    (
        (
            DPO,
            MARKETING,
        ),
        """
        POST ./prices/{name}/check
    """,
    ),
    (
        (
            DPO,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ~/webhooks
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            DESK,
            STEWARD,
            ADMIN,
            AUDITOR,
        ),
        """
        GET .
        POST ./find
        GET ./help
        GET ./jobs/{job}
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ./contacts
    """,
    ),
    (
        (
            DPO,
            ADMIN,
            AUDITOR,
        ),
        """
        GET ./checkpoint
        GET ./verify
        POST ./verify
    """,
    ),
    (
        (ADMIN,),
        """
        GET ./staff
    """,
    ),
)
"""Roles, and what they alone may call; `~` is /api/v1 and `.` is /console. An administrator calls no API."""
