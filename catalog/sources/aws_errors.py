"""What botocore raises, as one sentence and a remedy, without secrets.

Messages of AWS repeat key ids, session tokens and signed requests, so only the error code is
shown with a text of ours; an unknown code shows its message with long tokens masked.
"""

from __future__ import annotations

import re

from catalog.sources.base import FetchFailed

EXTRA = "pip install 'ai-capacity-planner[aws]'"
CREDENTIALS = (
    "run `aws configure` or `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
SSO = "run `aws sso login` (with --profile, if AWS_PROFILE is set)"
LOGIN = "run `aws login`"
REGION = "enable the region for the account or leave it out of --regions"
LATER = "try again later or name fewer regions"
CLOCK = "check clock: set this machine's time, then try again"
ACTIONS = {
    "DescribeInstanceTypes": "ec2:DescribeInstanceTypes",
    "DescribeInstanceTypeOfferings": "ec2:DescribeInstanceTypeOfferings",
    "DescribeSpotPriceHistory": "ec2:DescribeSpotPriceHistory",
    "DescribeCapacityBlockOfferings": "ec2:DescribeCapacityBlockOfferings",
    "DescribeInstances": "ec2:DescribeInstances",
    "GetProducts": "pricing:GetProducts",
    "DescribeSavingsPlansOfferingRates": "savingsplans:DescribeSavingsPlansOfferingRates",
    "ListServiceQuotas": "servicequotas:ListServiceQuotas",
    "ListAWSDefaultServiceQuotas": "servicequotas:ListAWSDefaultServiceQuotas",
}

DENIED = "the credentials may not do this"
UNKNOWN = "AWS does not know the credentials"
EXPIRED = "the credentials have expired"
ANOTHER_TIME = "AWS sees a request from another time"
THROTTLED = "AWS throttled the requests"
# AWS error code: what it means here and what to do (None: allow the operation).
CODES: dict[str, tuple[str, str | None]] = {
    "AuthFailure": ("the region is not enabled or the credentials are not valid in it", REGION),
    "OptInRequired": ("the account is not opted in to the region", REGION),
    "UnauthorizedOperation": (DENIED, None),
    "AccessDenied": (DENIED, None),
    "AccessDeniedException": (DENIED, None),
    "InvalidClientTokenId": (UNKNOWN, CREDENTIALS),
    "UnrecognizedClientException": (UNKNOWN, CREDENTIALS),
    "ExpiredToken": (EXPIRED, CREDENTIALS),
    "ExpiredTokenException": (EXPIRED, CREDENTIALS),
    "RequestExpired": (ANOTHER_TIME, CLOCK),
    "RequestTimeTooSkewed": (ANOTHER_TIME, CLOCK),
    "RequestInTheFuture": (ANOTHER_TIME, CLOCK),
    "SignatureDoesNotMatch": ("the request's signature is wrong", f"check the secret key; {CLOCK}"),
    "InvalidSignatureException": (
        "the request's signature is wrong or of another time",
        f"check the secret key; {CLOCK}",
    ),
    "RequestLimitExceeded": (THROTTLED, LATER),
    "Throttling": (THROTTLED, LATER),
    "ThrottlingException": (THROTTLED, LATER),
    "TooManyRequestsException": (THROTTLED, LATER),
}
# What botocore raises before it asks AWS: what is wrong, and what to run.
LOCAL: dict[str, tuple[str, str]] = {
    "NoCredentialsError": ("no AWS credentials found", CREDENTIALS),
    "PartialCredentialsError": (
        "half of the AWS credentials are set",
        "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`",
    ),
    "CredentialRetrievalError": (
        "the profile's credential command or role gave no credentials",
        "run the credential_process of ~/.aws/config by hand, or `aws sts get-caller-identity`",
    ),
    "ProfileNotFound": (
        "the AWS profile does not exist",
        "run `aws configure list-profiles`, then set AWS_PROFILE to one of them or unset it",
    ),
    "SSOTokenLoadError": ("no AWS SSO session", SSO),
    "UnauthorizedSSOTokenError": ("the AWS SSO session has expired", SSO),
    "TokenRetrievalError": ("the AWS SSO session has expired", SSO),
    "SSOError": ("the AWS SSO session cannot be used", SSO),
    "NoAuthTokenError": ("no AWS SSO session", SSO),
    "LoginRefreshRequired": ("the AWS login session has expired", LOGIN),
    "LoginTokenLoadError": ("no AWS login session", LOGIN),
    "LoginError": ("the AWS login session cannot be used", LOGIN),
    "MetadataRetrievalError": (
        "the machine's metadata service gave no credentials",
        "give the machine an instance role, or " + CREDENTIALS,
    ),
    "ConfigParseError": (
        "an AWS configuration file cannot be read",
        "correct ~/.aws/config and ~/.aws/credentials",
    ),
}
# Key ids, and anything as long as a secret key, token or signature.
SECRET = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b|[A-Za-z0-9+/=_-]{32,}")


class Denied(FetchFailed):
    """The account lacks a permission: a fact that is not needed for a price is then unknown."""


class Unreadable(FetchFailed):
    """An answer that is none of AWS's, or half of one."""


def masked(text: str, limit: int = 200) -> str:
    """One line without anything that may be a key, token or signature."""
    return SECRET.sub("***", " ".join(text.split()))[:limit]


def session_problem(error: Exception) -> tuple[str, str]:
    """Why no session could be opened, and what to run."""
    known = local_problem(error)
    if known is None:
        text = f"AWS configuration cannot be used ({type(error).__name__}: {masked(str(error))})"
        return text, CREDENTIALS
    return f"{known[0]} ({masked(str(error))})", known[1]


def local_problem(error: Exception) -> tuple[str, str] | None:
    """The entry of ``LOCAL`` for the error's class or the nearest above it."""
    for kind in type(error).__mro__:
        if kind.__name__ in LOCAL:
            return LOCAL[kind.__name__]
    return None


def explained(error: Exception, region: str) -> FetchFailed | None:
    """The failure for what botocore raised; None for an error that is not botocore's."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.parsers import ResponseParserError

    name = type(error).__name__
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        operation = error.operation_name
        if code not in CODES:
            message = masked(str(error.response.get("Error", {}).get("Message", "")))
            return FetchFailed(f"{operation}: {masked(code)}: {message}", LATER)
        meaning, remedy = CODES[code]
        if remedy is None:
            return Denied(
                f"{operation}: {meaning} ({code})", f"allow {ACTIONS.get(operation, operation)}"
            )
        return FetchFailed(f"{operation}: {meaning} ({code})", remedy)
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint"):
        return FetchFailed(
            "an AWS endpoint is not a URL",
            "correct AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE> or endpoint_url in ~/.aws/config",
        )
    if isinstance(error, ResponseParserError):
        return Unreadable("AWS sent an answer that cannot be read", LATER)
    if local := local_problem(error):
        return FetchFailed(f"{local[0]} ({name})", local[1])
    if isinstance(error, HTTPClientError):
        return FetchFailed(
            f"no whole answer from AWS in {region} ({name})",
            "check the network, proxy settings and the region's name",
        )
    if isinstance(error, BotoCoreError):
        return FetchFailed(f"{name}: {masked(str(error))}", LATER)
    return None
