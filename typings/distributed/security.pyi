from typing import Any, Self

class Security:
    tls_ca_file: str
    tls_client_cert: str
    tls_client_key: str
    def __init__(
        self,
        *,
        tls_ca_file: str,
        tls_client_cert: str,
        tls_client_key: str,
        tls_worker_cert: str = ...,
        tls_worker_key: str = ...,
        tls_scheduler_cert: str = ...,
        tls_scheduler_key: str = ...,
        require_encryption: bool,
    ) -> None: ...
    @classmethod
    def temporary(cls) -> Self: ...
    def get_connection_args(self, role: str) -> dict[str, Any]: ...
