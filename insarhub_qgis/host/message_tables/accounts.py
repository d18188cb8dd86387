# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata logins and where they are kept."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "credentials.not_sandbox": (
        "A real login was about to be sent while the sandbox is on; nothing was sent.",
        "Switch the sandbox off in Options, choose a sandbox account, or leave the account empty.",
    ),
    "credentials.sandbox_only": (
        "A login of the sandbox was about to be sent to {service}; nothing was sent.",
        "Sign in with your Earthdata account.",
    ),
    "credentials.missing": (
        "No Earthdata login is given.",
        "Choose an account, or add one in Options > InSARHub: a token, or user and password.",
    ),
    "credentials.token_malformed": (
        "This is no Earthdata token.",
        "Copy the whole token from the page of tokens in your Earthdata profile, and enter it in Options > InSARHub.",
    ),
    "credentials.token_expired": (
        "The token of {account} expired on {expired_at}.",
        "Make a new token in your Earthdata profile and enter it in Options > InSARHub; if that date is still to come, set this computer's clock.",
    ),
    "credentials.wrong_password": (
        "Earthdata Login does not know {account} with this password.",
        "Sign in on its web page with both; then enter what worked in Options > InSARHub.",
    ),
    "credentials.licence": (
        "The password of {account} is right, but a licence has not been accepted yet.",
        "Accept it on the page that opens, then test again.",
    ),
    "credentials.study_area": (
        "The password of {account} is right, but the profile has no study area.",
        "Add the study area to your Earthdata profile, then test again.",
    ),
    "credentials.not_authorised": (
        "The password of {account} is right, but the application of ASF may not use the account yet.",
        "Approve the application on the page that opens, then test again.",
    ),
    "credentials.not_approved": (
        "{account} may not order at HyP3: the access is {status}.",
        "Ask for access on the page of HyP3, or wait for its answer.",
    ),
    "credentials.refused": (
        "Earthdata Login refuses {account}: {reason}.",
        "Sign in on its web page and solve what it asks for, then test again.",
    ),
    "credentials.no_session": (
        "{account} is signed in, but {service} would not get to know of it.",
        "Use a token instead of user and password.",
    ),
    "credentials.no_account": (
        "No Earthdata account is chosen.",
        "Add an account in Options > InSARHub, or choose which one of several is usually signed in.",
    ),
    "credentials.account_gone": (
        "QGIS's authentication database has no configuration {account} any more.",
        "Choose another account, or add it again in Options > InSARHub.",
    ),
    "credentials.not_earthdata": (
        "The authentication configuration {account} is neither user and password nor a header Authorization with a bearer token.",
        "Choose another one, or add the account in Options > InSARHub.",
    ),
    "credentials.master_password": (
        "QGIS's authentication database stays closed: its master password was not given or is not right.",
        "Try again and enter the master password of QGIS; Settings > Options > Authentication can set a new one.",
    ),
    "credentials.database_disabled": (
        "QGIS's authentication database cannot be used: {reason}.",
        "Look at Settings > Options > Authentication; without the database no account can be kept.",
    ),
    "credentials.not_readable": (
        "The authentication configuration {account} cannot be read.",
        "Add the account again in Options > InSARHub.",
    ),
    "credentials.not_stored": (
        "QGIS could not change the account {account} in its authentication database.",
        "Look into the log panel, tab Authentication, and check that the profile folder can be written.",
    ),
    "login_file.missing": (
        "There is no file {file}.",
        "Enter the account in Options > InSARHub instead.",
    ),
    "login_file.not_readable": (
        "{file} is not understood (line {line}).",
        "Correct the file, or enter the account in Options > InSARHub instead.",
    ),
    "login_file.no_earthdata": (
        "{file} has no login for {host}.",
        "Enter the account in Options > InSARHub instead.",
    ),
}
