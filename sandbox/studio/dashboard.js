// The page of a dashboard: Splunk's own framework, given the view's definition. The page has it as JSON.
import { createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import DashboardCore from '@splunk/dashboard-core';
import { DashboardContextProvider, GeoJsonProvider, GeoRegistry } from '@splunk/dashboard-context';
import preset from '@splunk/dashboard-presets/EnterpriseViewOnlyPreset';
import SplunkThemeProvider from '@splunk/themes/SplunkThemeProvider';

const { definition, theme } = JSON.parse(document.getElementById('view').textContent);

const geoRegistry = GeoRegistry.create();
geoRegistry.addDefaultProvider(new GeoJsonProvider());

const container = window.__splunk_layout__.create().getContainerElement();
container.append(document.getElementById('head'));
const root = document.createElement('div');
root.id = 'dashboard';
container.append(root);

createRoot(root).render(
    h(
        SplunkThemeProvider,
        { family: 'enterprise', colorScheme: theme, density: 'comfortable' },
        h(
            DashboardContextProvider,
            { preset, initialDefinition: definition, initialMode: 'view', geoRegistry },
            h(DashboardCore, { width: '100%', height: 'auto' })
        )
    )
);
