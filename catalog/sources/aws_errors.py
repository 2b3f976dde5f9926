"""What botocore raises, as one sentence and a remedy, without secrets.

Messages of AWS repeat key ids, session tokens and signed requests, so only the error code is
shown with a text of ours; an unknown code shows its message with long tokens masked.
"""

from __future__ import annotations

import re

from catalog.sources.base import FetchFailed

CREDENTIALS = (
    "run `aws configure` or `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
REGION = "enable the region for the account or leave it out of --regions"
LATER = "try again later or name fewer regions"
PERMISSIONS = (
    "allow ec2:DescribeInstanceTypes, ec2:DescribeSpotPriceHistory and pricing:GetProducts"
)

# AWS error code: what it means here and what to do.
CODES = {
    "AuthFailure": ("the region is not enabled or the credentials are not valid in it", REGION),
    "OptInRequired": ("the account is not opted in to the region", REGION),
    "UnauthorizedOperation": ("the credentials may not do this", PERMISSIONS),
    "AccessDenied": ("the credentials may not do this", PERMISSIONS),
    "AccessDeniedException": ("the credentials may not do this", PERMISSIONS),
    "InvalidClientTokenId": ("AWS does not know the credentials", CREDENTIALS),
    "UnrecognizedClientException": ("AWS does not know the credentials", CREDENTIALS),
    "ExpiredToken": ("the credentials have expired", CREDENTIALS),
    "ExpiredTokenException": ("the credentials have expired", CREDENTIALS),
    "RequestExpired": ("AWS sees a request from another time", "set this machine's clock"),
    "SignatureDoesNotMatch": (
        "the request's signature is wrong",
        "check the secret key and this machine's clock",
    ),
    "RequestLimitExceeded": ("AWS throttled the requests", LATER),
    "Throttling": ("AWS throttled the requests", LATER),
    "ThrottlingException": ("AWS throttled the requests", LATER),
    "TooManyRequestsException": ("AWS throttled the requests", LATER),
}
CREDENTIAL_ERRORS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "TokenRetrievalError",
    "NoAuthTokenError",
}
# Key ids, and anything as long as a secret key, token or signature.
SECRET = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b|[A-Za-z0-9+/=_-]{32,}")


def masked(text: str, limit: int = 200) -> str:
    """One line without anything that may be a key, token or signature."""
    return SECRET.sub("***", " ".join(text.split()))[:limit]


def session_problem(error: Exception) -> str:
    """Why no session could be opened."""
    return f"AWS configuration cannot be used ({type(error).__name__}: {masked(str(error))})"


def explained(error: Exception, region: str) -> FetchFailed | None:
    """The failure for what botocore raised; None for an error that is not botocore's."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.parsers import ResponseParserError

    name = type(error).__name__
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        operation = error.operation_name
        if code in CODES:
            meaning, remedy = CODES[code]
            return FetchFailed(f"{operation}: {meaning} ({code})", remedy)
        message = masked(str(error.response.get("Error", {}).get("Message", "")))
        return FetchFailed(f"{operation}: {masked(code)}: {message}", LATER)
    if isinstance(error, ResponseParserError):
        return FetchFailed("AWS sent an answer that cannot be read", LATER)
    if name in CREDENTIAL_ERRORS:
        return FetchFailed(f"no usable AWS credentials ({name})", CREDENTIALS)
    if isinstance(error, HTTPClientError):
        return FetchFailed(
            f"no whole answer from AWS in {region} ({name})",
            "check the network, proxy settings and the region's name",
        )
    if isinstance(error, BotoCoreError):
        return FetchFailed(f"{name}: {masked(str(error))}", LATER)
    return None
