# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordering at HyP3: options, pairs, what is paid already, answers of the service."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "hyp3.unauthorized": (
        "{service} does not take the login: {reason}.",
        "Test the account in Options > InSARHub, and renew its token or password there.",
    ),
    "hyp3.token_expired": (
        "The token has expired, so {service} does not take it any more.",
        "Make a new token on the Earthdata profile page, put it into Options > InSARHub, and go on.",
    ),
    "hyp3.not_approved": (
        "HyP3 does not accept jobs of this account yet (access: {state}).",
        "Ask for access on the page that HyP3 names, {page}, and try again once it is granted.",
    ),
    "hyp3.forbidden": (
        "HyP3 does not allow this for the account: {reason}.",
        "Sign in with the account that submitted the job.",
    ),
    "hyp3.not_found": (
        "{service} does not know what was asked for: {reason}.",
        "The job may be of another service. Refresh, or check the address of HyP3 in Options.",
    ),
    "hyp3.not_served": (
        "{service} does not understand this call (HTTP {status}).",
        "Check the address of HyP3 in Options > InSARHub; if it is right, update the plugin.",
    ),
    "hyp3.busy": (
        "{service} is busy and asks to wait. What was accepted is saved.",
        "Try again in some minutes; nothing is paid twice.",
    ),
    "hyp3.down": (
        "{service} has a fault (HTTP {status}: {reason}). What was accepted is saved.",
        "Nothing is wrong on your side. Try again in some minutes; nothing is paid twice.",
    ),
    "hyp3.not_json": (
        "Something else answered in place of {service}: {start}.",
        "A network's sign-in page or a proxy may be in the way. Open a web page in the browser, sign in, and try again.",
    ),
    "hyp3.bad_answer": (
        "The answer of HyP3 is not understood: {reason}.",
        "Try again; if it stays, update the plugin or the engine environment.",
    ),
    "hyp3.answer_lost": (
        "The answer of HyP3 to a submission got lost ({reason}).",
        "Submit again: jobs that arrived after all are found first, so nothing is paid twice.",
    ),
    "hyp3.no_credits": (
        "The credits do not suffice: these jobs would cost {cost}, and the account has {left} left. None of them was ordered.",
        "Choose fewer pairs, or submit the rest when the credits are renewed next month.",
    ),
    "hyp3.unknown_scenes": (
        "The archive does not know {scenes}.",
        "Remove their pairs, or search again: the scenes may have been replaced by newer versions.",
    ),
    "hyp3.no_dem": (
        "There is no elevation model below {scenes}.",
        "Remove their pairs: HyP3 cannot process them.",
    ),
    "hyp3.refused": (
        "HyP3 refuses the job: {reason}.",
        "Check options and pairs; if they are right, update the plugin.",
    ),
    "hyp3.no_pairs": (
        "{folder} has no pairs to submit.",
        "Select pairs in the network editor first.",
    ),
    "hyp3.submission_running": (
        "Another window or program (process {pid} on {host}) submits pairs of {folder} since {started_at}.",
        "Wait until it has ended and look again: its pairs are then shown as in flight.",
    ),
    "hyp3.sandbox_job": (
        "The scenes of {folder} are simulated, so the real HyP3 cannot process them; nothing was sent.",
        "Switch the sandbox on in Options > InSARHub, or make a job from a real search.",
    ),
    "hyp3.other_service": (
        "{file} holds jobs of another service, {api_url}; nothing was sent.",
        "Choose that service in Options > InSARHub, or make a new job folder for this one.",
    ),
    "hyp3.price_higher": (
        "The jobs would cost {credits}, more than was agreed to ({agreed}); nothing was sent.",
        "Look at the new price and submit again.",
    ),
    "hyp3_options.unknown": (
        "HyP3 jobs do not have these options: {names}.",
        "Leave them out.",
    ),
    "hyp3_options.bad_value": (
        "{value} is no value of the option {name}.",
        "Give one of: {allowed}.",
    ),
    "hyp3_options.looks": (
        "{job_type} has no looks {looks}.",
        "Choose one of: {allowed}.",
    ),
    "hyp3_options.name": (
        "The name prefix {prefix} holds no letter or digit.",
        "Give a short word of letters and digits.",
    ),
    "hyp3_options.chunk_clamped": (
        "The job's submission chunk of {value} is more than HyP3 takes; {limit} is used.",
        "Nothing to do.",
    ),
    "hyp3_options.no_price": (
        "HyP3 names no price for {job_type} with these options, so nothing was sent.",
        "Choose another job type or other looks.",
    ),
    "hyp3_guard.gone": (
        "HyP3 does not know the job {job_id} any more.",
        "Its product cannot be fetched. Submit the pair again if it is needed.",
    ),
    "hyp3_guard.not_asked": (
        "The state of the job {job_id} is not known.",
        "Refresh the jobs, with the account that submitted it.",
    ),
    "hyp3_guard.unresolved": (
        "The pair was sent by a submission that broke off, and has not been found on the service yet.",
        "Look again in a minute: it is either found or free to be submitted then. Nothing is paid twice.",
    ),
    "hyp3_guard.other_parameters": (
        "The pair has a job with other options ({job_type}, looks {looks}, {status}).",
        "Use that one, or tick the pair to pay for it with these options.",
    ),
    "hyp3_guard.other_product": (
        "The folder has a product of the pair with other options: {file}.",
        "Use that one, or tick the pair to pay for it with these options.",
    ),
    "hyp3_guard.not_all_asked": (
        "{count} older jobs of the job files were not asked for.",
        "Refresh the jobs to learn their pairs before you submit.",
    ),
    "hyp3_pair.not_slc": (
        "{scene} is no name of a Sentinel-1 IW SLC scene, as {job_type} needs it.",
        "Choose another job type, or search the scenes again.",
    ),
    "hyp3_pair.not_burst": (
        "{scene} is no name of a Sentinel-1 burst, as {job_type} needs it.",
        "Choose INSAR_GAMMA for whole scenes, or make a job of bursts.",
    ),
    "hyp3_pair.same_scene": (
        "{reference} is both reference and secondary.",
        "Remove the pair.",
    ),
    "hyp3_pair.reversed": (
        "The reference {reference} is not older than the secondary {secondary}.",
        "Save the network: it puts the earlier scene first.",
    ),
    "hyp3_pair.polarization": (
        "{reference} and {secondary} differ in polarisation or have one that HyP3 does not process ({values}).",
        "Remove the pair.",
    ),
    "hyp3_pair.other_track": (
        "{reference} and {secondary} are of different tracks ({values}).",
        "Remove the pair: two tracks give no interferogram.",
    ),
    "hyp3_pair.other_frame": (
        "{reference} and {secondary} are of different frames ({values}).",
        "Remove the pair, or choose scenes of one frame.",
    ),
    "hyp3_pair.no_overlap": (
        "{reference} and {secondary} do not cover common ground.",
        "Remove the pair.",
    ),
    "hyp3_pair.outside_area": (
        "{scene} does not touch the area of interest.",
        "Remove its pairs, or change the area.",
    ),
    "hyp3_pair.repeated": (
        "The pair {reference} / {secondary} is listed twice.",
        "Save the network: each pair is kept once.",
    ),
    "hyp3_pair.other_burst": (
        "{reference} and {secondary} are not the same burst.",
        "Remove the pair.",
    ),
    "hyp3_pair.too_many_bursts": (
        "The pair from {reference} to {secondary} has {count} bursts on a side, more than the {limit} that HyP3 takes.",
        "Choose fewer bursts, or INSAR_GAMMA for the whole frame.",
    ),
    "hyp3_pair.burst_sets": (
        "The bursts of the reference {reference} and of the secondary {secondary} are not the same.",
        "Choose bursts that both days have, each once.",
    ),
    "hyp3_pair.several_bursts": (
        "The pair from {reference} to {secondary} is of {bursts} bursts; INSAR_ISCE_BURST takes one.",
        "Choose INSAR_ISCE_MULTI_BURST.",
    ),
    "hyp3_pair.not_whole": (
        "HyP3 cannot merge the bursts of {reference} and {secondary}: they are no whole rectangle ({bursts}).",
        "Search for bursts with the area of interest, and add the stack as a new job.",
    ),
    "hyp3_pair.burst_times": (
        "The bursts of {reference} or of {secondary} are not of one pass.",
        "Choose bursts of one pass per day.",
    ),
    "hyp3_pair.unconnected": (
        "The pairs fall into {parts} groups that share no date.",
        "They can be processed, but not inverted together. Add pairs that join the groups.",
    ),
}

SINGULAR: dict[str, tuple[str, str]] = {
    "hyp3_guard.not_all_asked": (
        "One older job of the job files was not asked for.",
        "Refresh the jobs to learn its pair before you submit.",
    ),
}
