# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3 products: download, opening, preparing."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "product.no_member": (
        "{product} has no {kind}.",
        "Order the product with this option, or choose another kind.",
    ),
    "product.not_a_raster": ("{kind} in {file} cannot be read as a raster.", "Download the product again."),
    "product.gone": (
        "The product {file} is no longer at its address.",
        "Refresh; if it has expired, retry the job with expired jobs included.",
    ),
    "product.unsafe_name": (
        "The service names the product {name}, which is not the name of a HyP3 zip.",
        "Nothing was downloaded; report it to the operator of the service.",
    ),
    "product.refused": (
        "{service} refuses to give {file} (HTTP {status}): {reason}.",
        "Refresh and download again; if it stays, report it to the operator of the service.",
    ),
    "product.wrong_size": (
        "{file} should have {size_bytes}, but {answered_bytes} were offered or found.",
        "Refresh and download again; if it stays, report it to the operator of the service.",
    ),
    "product.no_zip_answer": (
        "{service} sent something else in place of the zip {file}.",
        "A network's sign-in page may be in the way. Open a web page in the browser, sign in, and try again.",
    ),
    "product.changed": ("{file} changed on its host while it was downloaded.", "Download it again."),
    "product.bad_download": (
        "{file} arrived damaged twice: {reason}.",
        "What arrived is kept with the ending .bad; download it again later.",
    ),
    "product.other_inside": ("{file} holds another product: {product}.", "Download it again."),
    "product.in_other_window": (
        "{file} is being downloaded by another window (process {pid} on {host}).",
        "Nothing to do; download again should that window be closed before it is finished.",
    ),
    "product.bad_address": (
        "The address of {file} is none to download from.",
        "Refresh, then download again.",
    ),
    "product.no_space": (
        "The products need {needed_bytes} in {folder}; {free_bytes} are free.",
        "Free some space, or choose a folder on another disk. Parts that are there already are kept.",
    ),
    "product.name": ("{name} is not the name of a HyP3 product.", "Keep the names that HyP3 gives."),
    "product.not_a_zip": ("{file} is no zip file.", "Download it again."),
    "product.truncated": (
        "{file} is cut off ({size_bytes} arrived).",
        "Download it again; the other products can be used meanwhile.",
    ),
    "product.damaged": ("{file} is damaged: {member} cannot be read.", "Download it again."),
    "product.no_product": ("{file} holds no HyP3 InSAR product.", "Leave it out of the folder of products."),
    "product.several": (
        "{file} holds more than one product: {names}.",
        "Put each product into a zip file of its own, named as the product.",
    ),
    "product.no_metadata": (
        "{product} in {file} lacks its metadata file (.txt).",
        "Download it again; it can be viewed, but not analysed.",
    ),
    "product.incomplete": (
        "The product lacks {missing}.",
        "Order it again with these files included; it can be viewed, but not analysed.",
    ),
    "product.metadata_incomplete": (
        "The metadata file (.txt) of the product lacks {keys}.",
        "Download the product again.",
    ),
    "product.metadata_disagrees": (
        "{key} in the metadata file is {value}, but the product's name says {date}.",
        "Download the product again; do not rename products.",
    ),
    "product.raster_unreadable": (
        "{member} cannot be read: {reason}.",
        "Download the product again; it is left out meanwhile.",
    ),
    "product.members_differ": (
        "{member} does not lie on the pixels of the product's phase ({reason}).",
        "Download the product again; it is left out meanwhile.",
    ),
    "product.dates_reversed": (
        "The reference of pair {pair} is not earlier than its secondary.",
        "Order the pair with the earlier acquisition as reference.",
    ),
    "product.other_type": (
        "The product is of type {type}, most of the others are {expected}.",
        "Keep burst and full-scene products in folders of their own.",
    ),
    "product.other_track": (
        "The product is of {track}, the job of {expected}.",
        "Put products of another track into a folder of their own and open it as another job.",
    ),
    "product.other_crs": (
        "The product is in {crs}, the others are in {expected}.",
        "Products are never resampled silently: open those of the other zone as another job.",
    ),
    "product.other_pixel_size": (
        "The product has pixels of {size} m, the others of {expected} m.",
        "Open products with other looks as another job.",
    ),
    "product.other_lattice": (
        "The pixels of the product are shifted against the others (columns {offset_x_px}, rows {offset_y_px}).",
        "Order the product again with the options of the others; it is never resampled silently.",
    ),
    "product.duplicate_pair": (
        "There are two products of pair {pair}; {kept} is used.",
        "Move the other one away if this is the wrong choice.",
    ),
    "product.pair_removed": (
        "Pair {pair} was removed from the network of this job.",
        "Add the pair to the network to use its product.",
    ),
    "product.not_in_stack": (
        "Pair {pair} is not in the network of this job.",
        "Open the products again, or add the pair to the network.",
    ),
    "product.zip_missing": (
        "{file} was used by the last preparation and is gone.",
        "Put the zip back, or go on without this product.",
    ),
    "open.no_zips": (
        "{folder} holds no zip.",
        "Choose the folder with the zips as HyP3 delivered them; the folder itself and its hyp3 folder are read.",
    ),
    "open.no_products": (
        "{folder} holds no HyP3 product among its zip files ({zips}): {reasons}.",
        "Choose the folder with the zips as HyP3 delivered them; the folder itself and its hyp3 folder are read.",
    ),
    "open.no_usable_product": (
        "None of the products in {folder} can be used: {reasons}.",
        "Look at the reason of each product in the list, or choose another job folder.",
    ),
    "open.other_processor": (
        "The job in {folder} belongs to the processor {type}.",
        "Choose another job folder for the HyP3 products.",
    ),
    "prepare.no_products": (
        "No HyP3 product was found in {folders}.",
        "Open the folder of the products again; the zips must stay where they are.",
    ),
    "prepare.no_usable_product": (
        "None of the products can be analysed: {reasons}.",
        "The reason of each product stands in {report_file}.",
    ),
    "prepare.no_overlap": (
        "The products have no area in common.",
        "Without {products} a window of {width_without} x {height_without} pixels is left: remove these pairs.",
    ),
    "prepare.aoi_outside": (
        "The area of interest (west, south, east, north {aoi_bounds}) lies outside all products ({product_bounds}).",
        "Draw the area inside the products, or prepare without one.",
    ),
    "prepare.aoi_not_common": (
        "Not all products cover the area of interest: {products} miss it.",
        "Without these pairs {width_without} x {height_without} pixels are left; remove them or move the area.",
    ),
    "prepare.network_disconnected": (
        "The pairs that can be used fall into {parts}; {broken_dates} are cut off.",
        "Get the missing products ({excluded}) again, or remove the pairs of these dates.",
    ),
    "disk.too_small": (
        "Preparing needs up to {needed_bytes} in {folder}; {free_bytes} are free.",
        "Free some space, choose a smaller area, or prepare without real files.",
    ),
}
