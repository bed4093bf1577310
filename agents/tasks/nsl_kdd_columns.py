"""What is publicly known of the columns of KDD records, whoever's they are: names, vocabularies, ranges.

Source: the attribute list that the KDD Cup 1999 was announced with (S. Stolfo et al., ``kddcup.names``, UCI machine
learning repository), which NSL-KDD has kept. Ranges follow from what a column counts: shares lie in 0..1, the host
counts cover the last 100 connections and are cut at 255, the time counts at 511; of other counts a generous round
figure is taken, since their logarithm hardly depends on it. Nothing here is read off the files.
"""

from __future__ import annotations

PROTOCOLS: tuple[str, ...] = ("tcp", "udp", "icmp")
FLAGS: tuple[str, ...] = ("OTH", "REJ", "RSTO", "RSTOS0", "RSTR", "S0", "S1", "S2", "S3", "SF", "SH")
_SERVICES = """
aol auth bgp courier csnet_ns ctf daytime discard domain domain_u echo eco_i ecr_i efs exec finger ftp
ftp_data gopher harvest hostnames http http_2784 http_443 http_8001 imap4 IRC iso_tsap klogin kshell ldap
link login mtp name netbios_dgm netbios_ns netbios_ssn netstat nnsp nntp ntp_u other pm_dump pop_2 pop_3
printer private red_i remote_job rje shell smtp sql_net ssh sunrpc supdup systat telnet tftp_u tim_i time
urh_i urp_i uucp uucp_path vmnet whois X11 Z39_50
"""
SERVICES: tuple[str, ...] = tuple(_SERVICES.split())

CATEGORICAL: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("protocol", PROTOCOLS),
    2: ("service", SERVICES),
    3: ("flag", FLAGS),
}
"""Name and vocabulary of the columns that hold a word, by column from 0."""

LARGEST_COUNT: dict[int, float] = {
    0: 1e5,  # duration in seconds: a day
    4: 2.0**32,  # bytes sent
    5: 2.0**32,  # bytes received
    7: 3,  # wrong fragments
    8: 3,  # urgent packets
    9: 100,  # hot indicators
    10: 5,  # failed logins
    12: 1e4,  # compromised conditions
    14: 2,  # su attempted
    15: 1e4,  # root accesses
    16: 100,  # files created
    17: 5,  # shells
    18: 10,  # accesses to control files
    19: 10,  # outbound commands
    22: 511,  # connections to the same host
    23: 511,  # connections to the same service
    31: 255,  # of the host's last connections, those to it
    32: 255,  # of the host's last connections, those to the same service
}
"""Columns that count something, of which the logarithm is taken; all other numeric columns are shares or yes and no."""
