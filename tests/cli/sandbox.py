"""Makes a child process poorer: what to give to subprocess as preexec_fn."""
import ctypes
import errno
import resource
import struct

IO_URING_SETUP = 425  # On every architecture.


def forbid(number, error=errno.EPERM):
    """From now on the system call of that number fails with `error`, as under the seccomp filter
    of a container."""
    load, jump_if_equal, give_back = 0x20, 0x15, 0x06
    allow, fail = 0x7fff0000, 0x00050000
    program = b"".join(struct.pack("=HBBI", *each) for each in [
        (load, 0, 0, 0),  # The number of the call stands first in seccomp_data.
        (jump_if_equal, 0, 1, number),
        (give_back, 0, 0, fail | error),
        (give_back, 0, 0, allow)])
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    if (libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0 or
            libc.prctl(set_seccomp, filter_mode, header, 0, 0) != 0):
        raise OSError(ctypes.get_errno(), "prctl")


def limit_descriptors(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
