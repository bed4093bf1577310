"""What is publicly known of the columns of KDD records, whoever's they are: names, vocabularies, ranges.

Names and words: the attribute list that the KDD Cup 1999 was announced with (S. Stolfo et al., ``kddcup.names``, UCI
machine learning repository), which NSL-KDD has kept. Ranges follow from what a column is: shares lie in 0..1, counts of
the last connections are held in a byte (255) or in nine bits (511), bytes in 32 bits, and a connection is shorter than
about a day. What else counts events within a connection has one range for all, ``EVENTS``: a round figure from no file.
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

EVENTS = 1e4
"""Of all counts of events within one connection, whatever they count."""

LARGEST_COUNT: dict[int, float] = {
    0: 1e5,  # duration in seconds: a day
    4: 2.0**32,  # bytes sent
    5: 2.0**32,  # bytes received
    7: EVENTS,  # wrong fragments
    8: EVENTS,  # urgent packets
    9: EVENTS,  # hot indicators
    10: EVENTS,  # failed logins
    12: EVENTS,  # compromised conditions
    14: EVENTS,  # su attempted
    15: EVENTS,  # root accesses
    16: EVENTS,  # files created
    17: EVENTS,  # shells
    18: EVENTS,  # accesses to control files
    19: EVENTS,  # outbound commands
    22: 511,  # connections to the same host
    23: 511,  # connections to the same service
    31: 255,  # of the host's last connections, those to it
    32: 255,  # of the host's last connections, those to the same service
}
"""Columns that count something, of which the logarithm is taken; all other numeric columns are shares or yes and no."""
