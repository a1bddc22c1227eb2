from typing import Any

from numpy.typing import NDArray

def fft2(
    x: NDArray[Any],
    s: Any = ...,
    axes: tuple[int, int] = ...,
    norm: str | None = ...,
    overwrite_x: bool = ...,
) -> NDArray[Any]: ...
def ifft2(
    x: NDArray[Any],
    s: Any = ...,
    axes: tuple[int, int] = ...,
    norm: str | None = ...,
    overwrite_x: bool = ...,
) -> NDArray[Any]: ...
def fftshift(x: NDArray[Any], axes: Any = ...) -> NDArray[Any]: ...
def ifftshift(x: NDArray[Any], axes: Any = ...) -> NDArray[Any]: ...
