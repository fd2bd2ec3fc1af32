// Starts the application: texts, query cache, and the page.
import './ui/style.css';

import {QueryClient, QueryClientProvider} from '@tanstack/react-query';
import i18next from 'i18next';
import {StrictMode} from 'react';
import {createRoot} from 'react-dom/client';
import {initReactI18next} from 'react-i18next';

import {App} from './app';
import en from './text/en.json';

void i18next.use(initReactI18next).init({
  lng: 'en',
  resources: {en: {translation: en}},
  interpolation: {escapeValue: false},  // React escapes.
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient({defaultOptions: {queries: {retry: 1}}})}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
