"""What the Azure client libraries raise, as one sentence and a remedy, without secrets."""

from __future__ import annotations

import re

from catalog.sources.base import FetchFailed
from catalog.sources.scrub import scrub

LOGIN = (
    "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; without, "
    "unset AZURE_SUBSCRIPTION_ID to use public prices only"
)
SUBSCRIPTION = (
    "set AZURE_SUBSCRIPTION_ID to one of `az account list`, or run `az account set --subscription`"
)
INSTALL = "pip install 'ai-capacity-planner[azure]'"
PERMISSIONS = "give the account the Reader role on the subscription"
LATER = "try again later or name fewer regions"
REPORT = "please report it"
LIBRARIES = ("azure.", "msal.", "requests.", "urllib3.")
NETWORK = "check the network and proxy settings, or try again later"

# Azure's error code: what it means here and what to do.
CODES = {
    "AuthorizationFailed": ("the account may not do this", PERMISSIONS),
    "InvalidAuthenticationToken": ("the login is not valid any more", LOGIN),
    "ExpiredAuthenticationToken": ("the login has expired", LOGIN),
    "InvalidAuthenticationTokenTenant": (
        "the login is of another tenant than the subscription",
        "run `az login --tenant TENANT` or change AZURE_TENANT_ID",
    ),
    "SubscriptionNotFound": ("there is no such subscription", SUBSCRIPTION),
    "InvalidSubscriptionId": ("the subscription id is none", SUBSCRIPTION),
    "DisabledSubscription": ("the subscription is disabled", SUBSCRIPTION),
    "MissingSubscriptionRegistration": (
        "the subscription has no compute provider",
        "run `az provider register --namespace Microsoft.Compute`",
    ),
    "NoRegisteredProviderFound": (
        "Azure has no such region or it is closed to the subscription",
        "leave the region out of --regions",
    ),
    "LocationNotAvailableForResourceType": (
        "Azure has no such region or it is closed to the subscription",
        "leave the region out of --regions",
    ),
    "TooManyRequests": ("Azure throttled the requests", LATER),
    "RateLimiting": ("Azure throttled the requests", LATER),
    "OperationNotAllowed": ("Azure throttled the requests", LATER),
}
# AADSTS codes of a failed login: learn.microsoft.com, Microsoft Entra error codes.
LOGIN_CODES = {
    "AADSTS7000215": ("the client secret is wrong", "renew AZURE_CLIENT_SECRET"),
    "AADSTS7000222": ("the client secret has expired", "renew AZURE_CLIENT_SECRET"),
    "AADSTS700016": ("the tenant does not know the application", "check AZURE_CLIENT_ID"),
    "AADSTS90002": ("there is no such tenant", "check AZURE_TENANT_ID"),
    "AADSTS700024": ("this machine's clock is off", "set this machine's clock"),
    "AADSTS50173": ("the login has been revoked", "run `az login`"),
    "AADSTS70043": ("the login has expired", "run `az login`"),
    "AADSTS700082": ("the login has expired", "run `az login`"),
}


class NoLogin(FetchFailed):
    """Azure does not let this account see sizes, quotas or evictions; prices are public."""


def explained(error: Exception, doing: str) -> FetchFailed | None:
    """The failure for what a client library raised; None for an error that is not theirs."""
    from azure.core import exceptions as azure

    if isinstance(error, azure.ClientAuthenticationError):
        return _login_failure(error, doing)
    if isinstance(error, azure.HttpResponseError) and error.status_code is not None:
        return _answered(error, doing)
    name = type(error).__name__
    if isinstance(error, azure.IncompleteReadError | azure.ServiceResponseError):
        return FetchFailed(f"{doing}: no whole answer from Azure ({name})", NETWORK)
    if isinstance(error, azure.ServiceRequestError):
        if "non-TLS" in str(error):  # the libraries' own guard of the token
            return FetchFailed(f"{doing}: Azure sends its client on by plain http", REPORT)
        return FetchFailed(f"{doing}: Azure cannot be reached ({name})", NETWORK)
    if isinstance(error, azure.AzureError) or _is_of_libraries(error):
        return FetchFailed(f"{doing}: Azure sent an answer that cannot be read ({name})", LATER)
    return None


def _is_of_libraries(error: Exception) -> bool:
    """Whether an error rose inside the libraries: an answer in a shape that they do not know.

    They raise whatever their parsers happen to: JSONDecodeError, RecursionError, AttributeError.
    """
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).startswith(LIBRARIES):
            return True
        trace = trace.tb_next
    return False


def _answered(error: object, doing: str) -> FetchFailed:
    status = getattr(error, "status_code", None)
    code = str(getattr(getattr(error, "error", None), "code", None) or "")
    meaning, remedy = CODES.get(code, ("", LATER))
    if status is not None and status < 300:
        return FetchFailed(f"{doing}: Azure sent an answer that cannot be read", LATER)
    if not meaning:
        if status == 403:
            meaning, remedy = "the account may not do this", PERMISSIONS
        elif status == 429:
            meaning = "Azure throttled the requests"
        elif status == 404:
            meaning, remedy = "Azure knows no such subscription or region", SUBSCRIPTION
        else:
            meaning = f"Azure answered {status}"
    shown = f" ({scrub(code, limit=60)})" if code else f" ({status})"
    kind = NoLogin if status in (401, 403) or code == "SubscriptionNotFound" else FetchFailed
    return kind(f"{doing}: {meaning}{shown}", remedy)


def _login_failure(error: Exception, doing: str) -> FetchFailed:
    text = str(error)
    found = re.search(r"AADSTS\d+", text)
    if found and found.group() in LOGIN_CODES:
        meaning, remedy = LOGIN_CODES[found.group()]
        return NoLogin(f"{doing}: {meaning} ({found.group()})", remedy)
    code = str(getattr(getattr(error, "error", None), "code", None) or "")
    if code in CODES:
        meaning, remedy = CODES[code]
        return NoLogin(f"{doing}: {meaning} ({code})", remedy)
    status = getattr(error, "status_code", None)
    if status == 401:
        return NoLogin(f"{doing}: Azure does not accept the login", LOGIN)
    shown = f" ({found.group()})" if found else ""
    return NoLogin(f"{doing}: no usable Azure login{shown}", LOGIN)
