"""What Dashboard Studio of Splunk 9.3 knows, as far as our dashboards use it: what is not here is a fault.

The lists were written from what is known of Splunk's manual of Dashboard Studio for Splunk Enterprise 9.3. They were
not compared with it option by option, and no Splunk 9.3 has shown these dashboards. The framework from npm is newer and
knows more; that it takes something proves nothing about 9.3. Taken as not in 9.3: tabs (`layout.tabs`), showing and
hiding by conditions (`expressions`, `containerOptions.visibility`), several layouts.
"""

from __future__ import annotations

TOP = {"title", "description", "dataSources", "visualizations", "inputs", "layout", "defaults"}
LAYOUT = {"type", "options", "structure", "globalInputs"}
LAYOUT_OPTIONS = {"width", "height", "display", "submitButton"}

#: Data sources, and their options.
DATA_SOURCES = {
    "ds.search": {"query", "queryParameters", "refresh", "refreshType"},
    "ds.chain": {"query", "extend"},
}

INPUT = {"type", "title", "options", "dataSources", "context"}
INPUTS = {
    "input.dropdown": {"defaultValue", "items", "selectFirstSearchResult", "token"},
    "input.number": {"defaultValue", "token", "min", "max", "step"},
    "input.text": {"defaultValue", "token"},
    "input.timerange": {"defaultValue", "token"},
}

VISUALIZATION = {"type", "title", "description", "options", "context", "dataSources", "eventHandlers"}

_AXES = {f"{axis}AxisTitle{what}" for axis in ("x", "y", "y2") for what in ("Text", "Visibility")} | {
    f"{axis}AxisLabelVisibility" for axis in ("x", "y", "y2")
}
_CHART = {
    *_AXES,
    "legendDisplay",
    "legendTruncation",
    "resultLimit",
    "seriesColors",
    "seriesColorsByField",
    "showYAxisWithZero",
    "x",
    "y",
    "yAxisAbbreviation",
    "yAxisMax",
    "yAxisMin",
    "yAxisScale",
}
_SERIES = {
    *_CHART,
    "dataValuesDisplay",
    "overlayFields",
    "showOverlayY2Axis",
    "y2",
    "y2AxisMax",
    "y2AxisMin",
    "yAxisMajorTickInterval",
}
_LINES = {"lineDashStyle", "lineDashStylesByField", "lineWidth", "markerDisplay", "nullValueDisplay"}
VISUALIZATIONS = {
    "splunk.area": _SERIES | _LINES | {"areaOpacity", "stackMode"},
    "splunk.bar": _SERIES | {"barSpacing", "stackMode"},
    "splunk.column": _SERIES | {"columnSpacing", "stackMode"},
    "splunk.line": _SERIES | _LINES,
    "splunk.markdown": {"markdown", "fontSize"},
    # markerSize: also in the examples of scatter charts that Splunk itself has long had.
    "splunk.scatter": _CHART | {"category", "markerSize"},
    "splunk.singlevalue": {
        "majorColor",
        "majorFontSize",
        "majorValue",
        "numberPrecision",
        "shouldUseThousandSeparators",
        "showSparklineTooltip",
        "sparklineDisplay",
        "sparklineValues",
        "trendColor",
        "trendDisplay",
        "trendValue",
        "underLabel",
        "unit",
        "unitPosition",
    },
    "splunk.table": {
        "columnFormat",
        "count",
        "headerVisibility",
        "showInternalFields",
        "showRowNumbers",
        "tableFormat",
    },
}

#: Of columns of tables.
COLUMN_FORMAT = {"align", "data", "rowBackgroundColors", "rowColors", "textOverflow", "width"}

EVENT_HANDLERS = {
    "drilldown.customUrl": {"url", "newTab"},
    "drilldown.linkToDashboard": {"app", "dashboard", "tokens", "newTab"},
    "drilldown.setToken": {"tokens"},
}
